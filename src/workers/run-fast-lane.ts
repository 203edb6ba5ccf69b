import type { AssetDocument } from '../domain/asset.ts';
import { encodeFastLane, type FastLaneTracks } from '../media/encode-fast-lane.ts';
import { fastLaneRung, planRendition } from '../media/plan/plan-renditions.ts';
import { isEncodable, openSource } from './open-source.ts';
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
  const opened = await openSource(ports, asset, signal);
  if (opened.kind === 'rejected') {
    await recordRejection(ports, asset.id, opened.error);
    return { kind: 'failed' };
  }
  const { details } = opened.source.input;
  const plan = asset.plan ?? (await ports.planEncode({ asset, source: details.source }));
  await updateAsset(ports, asset.id, (current) => ({
    ...current,
    state: 'processing',
    timings: { ...current.timings, uploadedAt: current.timings.uploadedAt ?? timestamp(ports) },
    durationMs: details.durationMs,
    source: details.source,
    plan,
  }));
  const planned = planRendition({ uploadKey: asset.uploadKey, details }, fastLaneRung(plan), 1);
  const publish = async (tracks: FastLaneTracks): Promise<void> => {
    const now = timestamp(ports);
    const { revision, timings } = await updateAsset(ports, asset.id, (current) => playable(current, tracks, now));
    if (timings.playableAt !== now) return;
    const milliseconds = ports.clock.nowMs() - startedMs;
    assetLog(ports, asset.id).info({ milliseconds, revision, renditionId: tracks.rendition.id }, 'asset is playable');
  };
  const tracks = await encodeFastLane(ports.media, opened.source, planned, { signal, onPlayable: publish });
  await publish(tracks);
  return { kind: 'encoded' };
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
