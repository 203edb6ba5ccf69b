import { z } from 'zod';
import { type AudioTrack, audioTrackSchema, type StoredRendition, storedRenditionSchema } from '../domain/asset.ts';
import { assetPrefix } from './asset-store.ts';
import { MediaError } from './media-error.ts';
import { renderIframePlaylist } from './media-playlist.ts';
import type { MediaStore } from './media-store.ts';
import type { PublishedSegment } from './track-publisher.ts';

/** `done.json`, written last: this track is whole, so that a repeated job need not make it again. */
const doneSchema = z.object({
  bytes: z.int().positive(),
  /** Over init.mp4 and all segments in order. */
  sha256: z.string().length(64),
  segmentCount: z.int().positive(),
  rendition: storedRenditionSchema.optional(),
  audio: audioTrackSchema.optional(),
});
type Done = z.infer<typeof doneSchema>;

/** File of a track's keyframes alone. */
export const IFRAME_PLAYLIST = 'iframes.m3u8';

/** Where a track's files are: `assets/ASSET/r/RENDITION`. */
export const trackPrefix = (assetId: string, trackId: string): string => `${assetPrefix(assetId)}/r/${trackId}`;

/** Marks a track as whole, after its I-frame playlist where every segment begins with a keyframe. */
export async function markDone(
  store: Pick<MediaStore, 'write'>,
  assetId: string,
  track: { bytes: number; sha256: string; segments: readonly PublishedSegment[] } & (
    | { rendition: StoredRendition }
    | { audio: AudioTrack }
  ),
): Promise<void> {
  const { segments, ...rest } = track;
  const id = 'rendition' in track ? track.rendition.id : track.audio.id;
  const done: Done = doneSchema.parse({ ...rest, segmentCount: segments.length });
  const keyed = segments.flatMap(({ keyframe, ...segment }) => (keyframe ? [{ ...segment, keyframe }] : []));
  if ('rendition' in track && keyed.length === segments.length) {
    await store.write(`${trackPrefix(assetId, id)}/${IFRAME_PLAYLIST}`, renderIframePlaylist(keyed));
  }
  await store.write(`${trackPrefix(assetId, id)}/done.json`, `${JSON.stringify(done)}\n`);
}

/** What `done.json` says of a track; null when it is missing, not one, or its files do not add up to it. */
export async function readDone(
  store: Pick<MediaStore, 'read' | 'size'>,
  assetId: string,
  trackId: string,
): Promise<Done | null> {
  const prefix = trackPrefix(assetId, trackId);
  const bytes = await store.read(`${prefix}/done.json`);
  if (!bytes) return null;
  const done = doneSchema.safeParse(parseJson(bytes));
  if (!done.success) return null;
  const names = Array.from({ length: done.data.segmentCount }, (_, index) => segmentName(index));
  const sizes = await Promise.all(['init.mp4', ...names].map((name) => store.size(`${prefix}/${name}`)));
  const found = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return found === done.data.bytes ? done.data : null;
}

/** A segment of the track under `prefix` with its init segment: a file that any decoder reads. Throws `unreadable-output`. */
export async function readPlayableSegment(
  store: Pick<MediaStore, 'read'>,
  prefix: string,
  segmentIndex: number,
): Promise<Buffer> {
  const [init, segment] = await Promise.all([
    store.read(`${prefix}/init.mp4`),
    store.read(`${prefix}/${segmentName(segmentIndex)}`),
  ]);
  if (!init || !segment) throw new MediaError('unreadable-output', `${prefix} lacks segment ${segmentIndex}`);
  return Buffer.concat([init, segment]);
}

/** File of the n-th segment, counted from 0. */
export const segmentName = (index: number): string => `seg-${String(index).padStart(5, '0')}.m4s`;

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
