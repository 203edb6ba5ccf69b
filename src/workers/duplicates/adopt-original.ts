import type { AssetDocument } from '../../domain/asset.ts';
import { readDone } from '../../media/finished-tracks.ts';
import { sharePreviews, shareTracks } from '../../media/share-track.ts';
import { nextRevision } from '../next-revision.ts';
import { NotYetError } from '../not-yet-error.ts';
import { isEncodable } from '../open-source.ts';
import { assetLog, type TranscodePorts } from '../transcode-ports.ts';
import { timestamp, updateAsset } from '../update-asset.ts';
import { findLookalike, haveSameBytes } from './find-lookalike.ts';

/** `own-work`: it is no duplicate, so whoever asked has to encode it. */
export type Adoption = { kind: 'own-work' } | { kind: 'playable' } | { kind: 'complete' };

/** As long as the original's own stage usually takes to move on. */
const LOOK_AGAIN_MS = { playable: 500, complete: 3_000 };

/**
 * What the fast lane or the encode of an upload need not do, because its owner has uploaded the same bytes before: the earlier
 * asset's renditions become this one's. Throws `NotYetError` while the earlier one is still being made.
 */
export async function adoptOriginal(
  ports: TranscodePorts,
  assetId: string,
  wanted: 'playable' | 'complete',
): Promise<Adoption> {
  const asset = await ports.assets.read(assetId);
  if (!asset || !isEncodable(asset) || asset.state === 'uploading') return { kind: 'own-work' };
  const original = await findLookalike(ports, asset);
  if (!original) return { kind: 'own-work' };
  // It was encoded while it arrived: there is nothing to be saved before the other rungs.
  if (wanted === 'playable' && asset.availability !== 'none') return { kind: 'own-work' };
  const isComplete = original.availability === 'complete' || original.availability === 'upgraded';
  if (!isComplete && (wanted === 'complete' || !(await isWhole(ports, original))))
    throw new NotYetError(`${original.id}, the same video, is still being encoded`, LOOK_AGAIN_MS[wanted]);
  if (asset.duplicateOf !== original.id && !(await haveSameBytes(ports.media.store, asset, original)))
    return { kind: 'own-work' };
  await adopt(ports, asset, original, isComplete);
  return { kind: isComplete ? 'complete' : 'playable' };
}

async function isWhole({ media }: TranscodePorts, { id, renditions, audio }: AssetDocument): Promise<boolean> {
  const tracks = [...renditions, ...(audio ? [audio] : [])];
  const done = await Promise.all(tracks.map((track) => readDone(media.store, id, track.id)));
  return renditions.length > 0 && done.every((track) => track !== null);
}

async function adopt(
  ports: TranscodePorts,
  asset: AssetDocument,
  original: AssetDocument,
  isComplete: boolean,
): Promise<void> {
  const audio = asset.audio ?? original.audio;
  const borrowed = [...original.renditions, ...(audio === original.audio && audio ? [audio] : [])];
  await shareTracks(ports.media, { assetId: original.id, trackIds: borrowed.map(({ id }) => id) }, asset.id);
  if (isComplete) await sharePreviews(ports.media, original.id, asset.id);
  const now = timestamp(ports);
  await updateAsset(ports, asset.id, (current) => ({
    ...nextRevision(current, original.renditions, now),
    duplicateOf: original.id,
    state: isComplete ? 'ready' : 'processing',
    availability: isComplete ? 'complete' : 'playable',
    durationMs: original.durationMs,
    source: original.source,
    complexityScale: original.complexityScale,
    ...(original.leftOutKbps === undefined ? {} : { leftOutKbps: original.leftOutKbps }),
    plan: original.plan,
    audio,
    previews: isComplete ? original.previews : current.previews,
    timings: {
      ...current.timings,
      uploadedAt: current.timings.uploadedAt ?? now,
      playableAt: current.timings.playableAt ?? now,
      completeAt: isComplete ? now : null,
    },
  }));
  assetLog(ports, asset.id).info({ original: original.id, isComplete }, 'asset is a duplicate: nothing was encoded');
}
