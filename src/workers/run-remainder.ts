import type { AssetDocument, EncodePlan, StoredRendition } from '../domain/asset.ts';
import { findUnmarkedChunks, removeChunks } from '../media/chunk-documents.ts';
import { readDone } from '../media/finished-tracks.ts';
import { measureQuality } from '../media/measure-quality.ts';
import type { EncodeSource } from '../media/media-room.ts';
import { fastLaneRung, planRendition } from '../media/plan/plan-renditions.ts';
import { planTitle } from '../media/plan-title.ts';
import { produceRemainder } from '../media/produce-remainder.ts';
import { nextRevision } from './next-revision.ts';
import { isEncodable, openSource } from './open-source.ts';
import { progressOf } from './report-progress.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';
import { recordRejection, timestamp, updateAsset, whileAssetExists } from './update-asset.ts';

/**
 * `fast-lane-first`: the low rung is not whole, so this came too early. `in-chunks`: these chunks come first, each as a job of its
 * own. `failed` is written in the asset's document.
 */
export type RemainderOutcome =
  | { kind: 'complete' }
  | { kind: 'in-chunks'; planId: string; chunks: number[] }
  | { kind: 'failed' }
  | { kind: 'fast-lane-first' }
  | { kind: 'nothing-to-do' };

/**
 * Completes a playable asset: analysis, all other rungs, measured quality. Run twice it changes nothing, and what
 * an earlier run finished is not made again. Throws `AssetRemovedError`, and what the encoder throws.
 */
export async function runRemainder(
  ports: TranscodePorts,
  assetId: string,
  signal: AbortSignal,
): Promise<RemainderOutcome> {
  const asset = await ports.assets.read(assetId);
  if (!asset || !isEncodable(asset)) return { kind: 'nothing-to-do' };
  const { plan } = asset;
  if (asset.availability === 'none' || !plan) return { kind: 'fast-lane-first' };
  const unmarked = await findUnmarkedChunks(ports.media.store, assetId);
  if (unmarked) return { kind: 'in-chunks', ...unmarked };
  return whileAssetExists(ports, assetId, signal, (existing) => complete(ports, asset, plan, existing));
}

async function complete(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  plan: EncodePlan,
  signal: AbortSignal,
): Promise<RemainderOutcome> {
  const opened = await openSource(ports, asset, signal);
  if (opened.kind === 'rejected') {
    await recordRejection(ports, asset.id, opened.error);
    return { kind: 'failed' };
  }
  const { source } = opened;
  const identity = { uploadKey: asset.uploadKey, details: source.input.details };
  const first = await readDone(ports.media.store, asset.id, planRendition(identity, fastLaneRung(plan), 1).id);
  if (!first?.rendition) return { kind: 'fast-lane-first' };

  const title = await planTitle(ports.media, source, { plan, first: first.rendition }, signal);
  const { complexityScale, renditions: planned, leftOut } = title;
  const onProgress = progressOf(ports, asset.id, source.input.details.durationMs);
  const options = { first: first.rendition, complexityScale, signal, onProgress };
  const rest = await produceRemainder(ports.media, source, planned, options);
  if (rest.kind === 'in-chunks') return rest;
  const renditions = await withMeasuredQuality(ports, source, [first.rendition, ...rest.renditions], signal);
  await updateAsset(ports, asset.id, (current) => ({
    ...nextRevision(withoutError(current), renditions, timestamp(ports)),
    state: 'ready',
    availability: 'complete',
    timings: { ...current.timings, completeAt: timestamp(ports) },
    complexityScale,
    leftOutKbps: leftOut.map(({ targetKbps }) => targetKbps),
  }));
  await optional(ports, asset.id, 'tidying up', signal, () => removeChunks(ports.media.store, asset.id));
  assetLog(ports, asset.id).info(
    { renditions: renditions.map(({ id }) => id), leftOut, complexityScale },
    'asset is complete',
  );
  return { kind: 'complete' };
}

async function withMeasuredQuality(
  ports: TranscodePorts,
  source: EncodeSource,
  renditions: StoredRendition[],
  signal: AbortSignal,
): Promise<StoredRendition[]> {
  const measure = (): Promise<StoredRendition[]> => measureQuality(ports.media, source, renditions, signal);
  return (await optional(ports, source.assetId, 'quality', signal, measure)) ?? renditions;
}

/** What an asset can do without: its failure is logged and answered with null. */
async function optional<T>(
  ports: TranscodePorts,
  assetId: string,
  step: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) throw error;
    assetLog(ports, assetId).warn({ err: error, step }, 'going on without');
    return null;
  }
}

function withoutError({ error: _, ...asset }: AssetDocument): AssetDocument {
  return asset;
}
