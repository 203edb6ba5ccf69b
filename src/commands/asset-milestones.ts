import { LRUCache } from 'lru-cache';
import type { Metrics } from '../api/metrics.ts';
import type { AssetDocument } from '../domain/index.ts';

type Milestone = 'playable' | 'complete' | 'failed';

const REMEMBERED_ASSETS = 10_000;

/** Turns what is seen of assets into metrics, each milestone of each asset once. */
export function createMilestones(
  metrics: Pick<Metrics, 'assetPlayable' | 'assetFinished'>,
): (asset: AssetDocument) => void {
  const counted = new LRUCache<string, true>({ max: REMEMBERED_ASSETS * 2 });
  const once = (asset: AssetDocument, milestone: Milestone, record: () => void): void => {
    const key = `${asset.id} ${milestone}`;
    if (!counted.has(key)) record();
    counted.set(key, true);
  };
  return (asset) => {
    const { uploadedAt, playableAt, completeAt } = asset.timings;
    if (asset.kind === 'external' || uploadedAt === null) return;
    // What is playable before its last byte was waited for no time at all.
    const secondsUntil = (time: string): number => Math.max(0, Date.parse(time) - Date.parse(uploadedAt)) / 1000;
    if (playableAt !== null) once(asset, 'playable', () => metrics.assetPlayable(secondsUntil(playableAt)));
    if (completeAt !== null)
      once(asset, 'complete', () => metrics.assetFinished({ result: 'complete', seconds: secondsUntil(completeAt) }));
    if (asset.state === 'failed') once(asset, 'failed', () => metrics.assetFinished({ result: 'failed' }));
  };
}
