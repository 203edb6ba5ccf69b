import { createHash } from 'node:crypto';
import type { StoredRendition } from '../domain/asset.ts';
import { type ChunkMarker, type ChunkPlan, readChunk } from './chunk-documents.ts';
import { markDone, readDone, segmentName, trackPrefix } from './finished-tracks.ts';
import { describeRendition } from './measure-tracks.ts';
import { MediaError } from './media-error.ts';
import { renderMediaPlaylist } from './media-playlist.ts';
import type { MediaStore } from './media-store.ts';

/** `missing`: indexes of the chunks that are still to be made. */
export type JoinOutcome = { kind: 'joined'; renditions: StoredRendition[] } | { kind: 'missing'; chunks: number[] };

/**
 * Makes whole renditions of a plan's chunks once every one of them is there: playlist, then `done.json`. Done before, it only
 * reads. Run by several workers at once, all write the same.
 */
export async function joinChunks(
  store: MediaStore,
  assetId: string,
  planned: { planId: string; plan: ChunkPlan },
  complexityScale: number,
): Promise<JoinOutcome> {
  const { planId, plan } = planned;
  const markers = await Promise.all(plan.chunks.map((chunk) => readChunk(store, assetId, planId, chunk)));
  const missing = plan.chunks.flatMap(({ index }) => (markers[index] ? [] : [index]));
  if (missing.length > 0) return { kind: 'missing', chunks: missing };
  const made = markers.filter((marker) => marker !== null);
  const renditions: StoredRendition[] = [];
  for (const { id } of plan.renditions) renditions.push(await join(store, assetId, plan, id, made, complexityScale));
  return { kind: 'joined', renditions };
}

async function join(
  store: MediaStore,
  assetId: string,
  plan: ChunkPlan,
  id: string,
  markers: readonly ChunkMarker[],
  complexityScale: number,
): Promise<StoredRendition> {
  const already = await readDone(store, assetId, id);
  if (already?.rendition) return already.rendition;
  const rendition = plan.renditions.find((candidate) => candidate.id === id);
  const tracks = markers.flatMap((marker) => marker.tracks.filter((track) => track.id === id));
  const prefix = trackPrefix(assetId, id);
  const init = await store.read(`${prefix}/init.mp4`);
  if (!rendition || !init || tracks.length !== plan.chunks.length) {
    throw new MediaError('unreadable-output', `${prefix} must have all its chunks (got ${tracks.length})`);
  }
  const segments = tracks
    .flatMap((track) => track.segments)
    .map((segment, index) => ({ ...segment, uri: segmentName(index) }));
  await store.write(`${prefix}/index.m3u8`, renderMediaPlaylist({ segments, ended: true }));
  const described = describeRendition(rendition, { init, segments }, complexityScale);
  const hash = createHash('sha256').update(init);
  for (const { sha256 } of tracks) hash.update(sha256);
  await markDone(store, assetId, {
    bytes: described.bytes,
    sha256: hash.digest('hex'),
    segments,
    rendition: described,
  });
  return described;
}
