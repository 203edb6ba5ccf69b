import type { AssetDocument, EncodePlan } from '../domain/asset.ts';
import { earlyTracksKey } from '../media/asset-store.ts';
import { type EarlyTracks, earlyTracksSchema } from '../media/early-tracks.ts';
import { encodeArriving, probeArriving } from '../media/encode-arriving.ts';
import type { FastLaneTracks } from '../media/encode-fast-lane.ts';
import { fastLaneRung, planRendition } from '../media/plan/plan-renditions.ts';
import type { SourceDetails } from '../media/plan/source-details.ts';
import type { Arrival } from '../media/upload-arrival.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';
import { AssetRemovedError, timestamp, whileAssetExists } from './update-asset.ts';

/**
 * `whole`: the low rung is finished and the fast lane will find it so. `stalled`: the uploader left. `given-up`: this file
 * cannot be encoded from its beginning, or not yet.
 */
export type EarlyOutcome = { kind: 'whole' | 'stalled' | 'given-up' | 'nothing-to-do' };

type Arriving = AssetDocument & { uploadKey: string };

/** An upload's age up to which its bytes tell of the uploader's line; later they may tell of pauses. */
const FRESH_MS = 60_000;

/**
 * Makes an asset playable while its upload is still arriving. It never fails an asset: the fast lane, which follows the last
 * byte, gives the verdict. Run twice it changes nothing. Throws `AssetRemovedError`, and when `signal` aborts.
 */
export async function runEarly(
  ports: TranscodePorts,
  assetId: string,
  signal: AbortSignal,
  idleLimitMs?: number,
): Promise<EarlyOutcome> {
  const asset = await ports.assets.read(assetId);
  const path = asset?.uploadKey ? ports.media.store.localPath(asset.uploadKey) : null;
  if (asset?.state !== 'uploading' || path === null) return { kind: 'nothing-to-do' };
  try {
    return await whileAssetExists(ports, assetId, signal, (existing) =>
      makePlayable(ports, asset as Arriving, path, existing, idleLimitMs),
    );
  } catch (error) {
    if (signal.aborted || error instanceof AssetRemovedError) throw error;
    assetLog(ports, assetId).info({ err: error }, 'not playable before its last byte');
    return { kind: 'given-up' };
  }
}

async function makePlayable(
  ports: TranscodePorts,
  asset: Arriving,
  path: string,
  signal: AbortSignal,
  idleLimitMs?: number,
): Promise<EarlyOutcome> {
  const { media } = ports;
  const probed = await probeArriving(media, { assetId: asset.id, path }, { signal, idleLimitMs });
  if (probed === null) return { kind: 'given-up' };
  const { details, arrival } = probed;
  const plan = asset.plan ?? (await planEarly(ports, asset, details, arrival));
  const source = {
    assetId: asset.id,
    uploadKey: asset.uploadKey,
    input: { path, details, capabilities: await media.ffmpeg.warmUp() },
  };
  const planned = planRendition({ uploadKey: asset.uploadKey, details }, fastLaneRung(plan), 1);
  const onPlayable = async ({ rendition, audio }: FastLaneTracks): Promise<void> => {
    await publish(ports, asset.id, {
      durationMs: details.durationMs,
      source: details.source,
      plan,
      renditions: [rendition],
      audio,
      playableAt: asset.timings.playableAt ?? timestamp(ports),
    });
    assetLog(ports, asset.id).info({ renditionId: rendition.id, ...arrival }, 'asset is playable while it arrives');
  };
  const { kind } = await encodeArriving(media, source, planned, { signal, onPlayable, idleLimitMs });
  return { kind };
}

/** The plan stands for good, so what is known of the uploader's line by now has to do. */
function planEarly(
  ports: TranscodePorts,
  asset: AssetDocument,
  { source, durationMs }: SourceDetails,
  { verifiedBytes }: Arrival,
): Promise<EncodePlan> {
  const elapsedMs = ports.clock.nowMs() - Date.parse(asset.createdAt);
  const upload = elapsedMs < FRESH_MS ? { bytes: verifiedBytes, elapsedMs, resumes: 0 } : null;
  return ports.planEncode({ asset: { ...asset, durationMs, upload: asset.upload ?? upload }, source });
}

/** Beside the document, which is the API's until the last byte. */
async function publish(ports: TranscodePorts, assetId: string, tracks: EarlyTracks): Promise<void> {
  await ports.media.store.write(earlyTracksKey(assetId), `${JSON.stringify(earlyTracksSchema.parse(tracks))}\n`);
  if ((await ports.assets.read(assetId)) === null) throw new AssetRemovedError(assetId);
  await ports.announce({ type: 'asset.changed', assetId }).catch((error: unknown) => {
    assetLog(ports, assetId).warn({ err: error }, 'change could not be announced');
  });
}
