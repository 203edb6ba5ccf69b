import type { AssetDocument, AssetError } from '../domain/asset.ts';
import { assetPrefix, earlyTracksKey } from '../media/asset-store.ts';
import { withoutEarlyTracks } from '../media/early-tracks.ts';
import { encodeFastLane, type FastLaneTracks } from '../media/encode-fast-lane.ts';
import type { EncodeSource } from '../media/media-room.ts';
import { fastLaneRung, type PlannedRendition, planRendition } from '../media/plan/plan-renditions.ts';
import type { SourceDetails } from '../media/plan/source-details.ts';
import { beginSource, isEncodable, type OpenedSource } from './open-source.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';
import { recordRejection, timestamp, updateAsset, whileAssetExists } from './update-asset.ts';

/** `encoded`: the low rung is whole and the remainder may follow. `failed` is written in the asset's document. */
export type FastLaneOutcome = { kind: 'encoded' } | { kind: 'failed' } | { kind: 'nothing-to-do' };

/**
 * Makes an asset playable: probe, plan, one low rung. Run twice it changes nothing. Throws `AssetRemovedError`, and what the
 * encoder throws.
 */
export async function runFastLane(
  ports: TranscodePorts,
  assetId: string,
  signal: AbortSignal,
): Promise<FastLaneOutcome> {
  const asset = await ports.assets.read(assetId);
  if (!asset || !isEncodable(asset)) return { kind: 'nothing-to-do' };
  return whileAssetExists(ports, assetId, signal, (existing) => makePlayable(ports, asset, existing));
}

async function makePlayable(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  signal: AbortSignal,
): Promise<FastLaneOutcome> {
  const startedMs = ports.clock.nowMs();
  const elapsedMs = (): number => ports.clock.nowMs() - startedMs;
  if (asset.plan === null) ports.expectPlan?.(asset);
  const begun = await beginSource(ports, asset, signal);
  if (begun.kind === 'rejected') return reject(ports, asset.id, begun.error);
  const judging = begun.finish();
  // Whoever needs the verdict awaits it; until then nobody listens.
  judging.catch(() => undefined);
  let { source } = begun;
  // Of a length that is declared the verdict can come while the first seconds are encoded; otherwise it is what tells the length.
  if (source.input.details.durationMs === 0) {
    const opened = await judging;
    if (opened.kind === 'rejected') return reject(ports, asset.id, opened.error);
    source = opened.source;
  }
  const { details } = source.input;
  const probedMs = elapsedMs();
  const plan =
    asset.plan ??
    (await ports.planEncode({ asset: { ...asset, durationMs: details.durationMs }, source: details.source }));
  const plannedMs = elapsedMs();
  await updateAsset(ports, asset.id, (current) => ({
    ...current,
    state: 'processing',
    timings: { ...current.timings, uploadedAt: current.timings.uploadedAt ?? timestamp(ports) },
    durationMs: details.durationMs,
    source: details.source,
    plan,
  }));
  const planned = planRendition({ uploadKey: asset.uploadKey, details }, fastLaneRung(plan), 1);
  const publish = async (tracks: FastLaneTracks, { durationMs }: SourceDetails): Promise<void> => {
    const now = timestamp(ports);
    const { revision, timings } = await updateAsset(ports, asset.id, (current) => ({
      ...playable(current, tracks, now),
      durationMs,
    }));
    if (timings.playableAt !== now) return;
    const took = { milliseconds: elapsedMs(), probedMs, plannedMs };
    assetLog(ports, asset.id).info({ ...took, revision, renditionId: tracks.rendition.id }, 'asset is playable');
  };
  const outcome = await encodeWhileJudging(ports, { source, planned, judging }, signal, publish);
  if (outcome.kind === 'rejected') return reject(ports, asset.id, outcome.error);
  await publish(outcome.tracks, outcome.details);
  await ports.media.store.remove(earlyTracksKey(asset.id));
  return { kind: 'encoded' };
}

/** Nothing is shown of an upload before its verdict; a bad one stops the encode, and explains its failure. */
async function encodeWhileJudging(
  ports: TranscodePorts,
  of: { source: EncodeSource; planned: PlannedRendition; judging: Promise<OpenedSource> },
  signal: AbortSignal,
  publish: (tracks: FastLaneTracks, details: SourceDetails) => Promise<void>,
): Promise<
  { kind: 'encoded'; tracks: FastLaneTracks; details: SourceDetails } | { kind: 'rejected'; error: AssetError }
> {
  const rejected = new AbortController();
  const judging = of.judging.then((opened) => {
    if (opened.kind === 'rejected') rejected.abort();
    return opened;
  });
  judging.catch(() => undefined);
  try {
    const tracks = await encodeFastLane(ports.media, of.source, of.planned, {
      signal: AbortSignal.any([signal, rejected.signal]),
      async onPlayable(first) {
        const opened = await judging;
        if (opened.kind === 'opened') await publish(first, opened.source.input.details);
      },
    });
    const opened = await judging;
    return opened.kind === 'rejected' ? opened : { kind: 'encoded', tracks, details: opened.source.input.details };
  } catch (error) {
    const opened = await judging.catch(() => null);
    if (opened?.kind === 'rejected') return opened;
    throw error;
  }
}

/** What was shown of an upload while it arrived is taken back: it was not what it claimed to be. */
async function reject(ports: TranscodePorts, assetId: string, error: AssetError): Promise<FastLaneOutcome> {
  const { store } = ports.media;
  if ((await store.size(earlyTracksKey(assetId))) !== null) {
    await updateAsset(ports, assetId, (asset) => ({ ...withoutEarlyTracks(asset), state: 'failed', error }));
    await store.remove(earlyTracksKey(assetId));
    await store.remove(`${assetPrefix(assetId)}/r`);
  }
  await recordRejection(ports, assetId, error);
  return { kind: 'failed' };
}

/** State stays `processing` until everything is made; revision 1 is the first that plays. */
function playable(asset: AssetDocument, tracks: FastLaneTracks, now: string): AssetDocument {
  return {
    ...asset,
    availability: 'playable',
    revision: Math.max(1, asset.revision),
    timings: { ...asset.timings, playableAt: asset.timings.playableAt ?? now },
    renditions: [tracks.rendition],
    audio: tracks.audio,
  };
}
