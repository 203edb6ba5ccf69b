import { areChunksRefused, findUnmarkedChunks, readChunkPlan, refuseChunks } from '../media/chunk-documents.ts';
import { encodeChunk } from '../media/encode-chunk.ts';
import type { ChunkRef } from './job-payloads.ts';
import { isEncodable, openSource } from './open-source.ts';
import { reportProgress } from './report-progress.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';
import { recordRejection, whileAssetExists } from './update-asset.ts';

/** `last`: nothing is left to be made in chunks, the asset's own job can go on. `failed` is written in its document. */
export type ChunkRunOutcome = { kind: 'made' } | { kind: 'last' } | { kind: 'failed' } | { kind: 'nothing-to-do' };

/**
 * Makes one chunk of a long source. Run twice it changes nothing. A chunk that does not fit the whole ends the cutting of this
 * source. Throws `AssetRemovedError`, and what the encoder throws.
 */
export async function runChunk(
  ports: TranscodePorts,
  assetId: string,
  { planId, index }: ChunkRef,
  signal: AbortSignal,
): Promise<ChunkRunOutcome> {
  const { store } = ports.media;
  const asset = await ports.assets.read(assetId);
  if (!asset || !isEncodable(asset)) return { kind: 'nothing-to-do' };
  const plan = await readChunkPlan(store, assetId, planId);
  const chunk = plan?.chunks[index];
  if (!plan || !chunk || (await areChunksRefused(store, assetId))) return { kind: 'last' };
  return whileAssetExists(ports, assetId, signal, async (existing) => {
    const opened = await openSource(ports, asset, existing);
    if (opened.kind === 'rejected') {
      await recordRejection(ports, assetId, opened.error);
      return { kind: 'failed' };
    }
    const outcome = await encodeChunk(ports.media, opened.source, { planId, plan, chunk }, existing);
    if (outcome.kind === 'misfit') {
      assetLog(ports, assetId).warn(
        { chunk: index, reason: outcome.reason },
        'source is encoded in one piece after all',
      );
      await refuseChunks(store, assetId, outcome.reason);
      return { kind: 'last' };
    }
    return tellProgress(ports, assetId, plan.chunks.length);
  });
}

async function tellProgress(ports: TranscodePorts, assetId: string, chunks: number): Promise<ChunkRunOutcome> {
  const left = (await findUnmarkedChunks(ports.media.store, assetId))?.chunks.length ?? 0;
  const share = Number((1 - left / chunks).toFixed(3));
  assetLog(ports, assetId).info({ share, chunksLeft: left }, 'chunk is made');
  await reportProgress(ports, assetId, share);
  return left === 0 ? { kind: 'last' } : { kind: 'made' };
}
