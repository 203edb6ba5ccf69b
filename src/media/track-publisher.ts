import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findLeadingKeyframe, type LeadingKeyframe } from './leading-keyframe.ts';
import { MediaError } from './media-error.ts';
import { type PlaylistSegment, parseMediaPlaylist, renderMediaPlaylist } from './media-playlist.ts';
import type { MediaStore } from './media-store.ts';

// Lifecycle: follows one HLS output of a running ffmpeg. `advance` any number of times while it runs moves finished segments
// into the store and lets its open playlist grow; `finish` once it has ended closes the playlist. Nothing to stop.

type PublisherStore = Pick<MediaStore, 'read' | 'write' | 'putFile'>;

/** A segment in the store; `keyframe` is null for audio, and where it does not begin with one. */
export type PublishedSegment = PlaylistSegment & { bytes: number; keyframe: LeadingKeyframe | null };

/** A whole track in the store: everything `done.json` vouches for. */
type PublishedTrack = { init: Buffer; segments: readonly PublishedSegment[]; bytes: number; sha256: string };

export type TrackPublisher = {
  /** What is in the store by now; null before the first segment, and while what there is lasts no time at all. */
  published(): { init: Buffer; segments: readonly PublishedSegment[] } | null;
  advance(): Promise<void>;
  /** The complete track; null when ffmpeg wrote no segment, or a broken stream made one of no length. */
  finish(): Promise<PublishedTrack | null>;
};

/** Publishes the HLS output in `directory` under `prefix`. An open playlist never shrinks, also when a run is repeated. */
export function createTrackPublisher(store: PublisherStore, directory: string, prefix: string): TrackPublisher {
  const hash = createHash('sha256');
  const segments: PublishedSegment[] = [];
  let init: Buffer | null = null;
  let shownBefore: Promise<number> | null = null;

  async function moveNewSegments(): Promise<boolean> {
    const playlist = parseMediaPlaylist(await readText(join(directory, 'index.m3u8')));
    const fresh = playlist.segments.slice(segments.length);
    if (fresh.length > 0 && !init) {
      init = await readFile(join(directory, 'init.mp4'));
      hash.update(init);
      await store.putFile(`${prefix}/init.mp4`, join(directory, 'init.mp4'));
    }
    for (const segment of fresh) {
      const path = join(directory, segment.uri);
      const bytes = await readFile(path);
      hash.update(bytes);
      await store.putFile(`${prefix}/${segment.uri}`, path);
      segments.push({ ...segment, bytes: bytes.length, keyframe: findLeadingKeyframe(bytes) });
    }
    return fresh.length > 0;
  }

  return {
    published: () => (init && lasts(segments) ? { init, segments: [...segments] } : null),
    async advance() {
      shownBefore ??= publishedCount(store, prefix);
      const grown = await moveNewSegments();
      if (!grown || segments.length <= (await shownBefore)) return;
      await store.write(`${prefix}/index.m3u8`, renderMediaPlaylist({ segments, ended: false }));
    },
    async finish() {
      await moveNewSegments();
      if (!init || !lasts(segments)) return null;
      await store.write(`${prefix}/index.m3u8`, renderMediaPlaylist({ segments, ended: true }));
      const bytes = segments.reduce((sum, segment) => sum + segment.bytes, init.length);
      return { init, segments, bytes, sha256: hash.digest('hex') };
    },
  };
}

const lasts = (segments: readonly PublishedSegment[]): boolean => segments.some(({ durationMs }) => durationMs > 0);

async function publishedCount(store: PublisherStore, prefix: string): Promise<number> {
  const playlist = await store.read(`${prefix}/index.m3u8`);
  return playlist ? parseMediaPlaylist(playlist.toString('utf8')).segments.length : 0;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new MediaError('unreadable-output', `cannot read ${path}`, { cause: error });
  }
}
