import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { rgbaToThumbHash } from 'thumbhash';
import type { Previews, StoredRendition, StoryboardTiles } from '../../domain/asset.ts';
import { assetPrefix } from '../asset-store.ts';
import { FfmpegError } from '../ffmpeg-error.ts';
import { IFRAME_PLAYLIST, segmentName, trackPrefix } from '../finished-tracks.ts';
import { readLeadingSample } from '../leading-keyframe.ts';
import { MediaError } from '../media-error.ts';
import { parseIframePlaylist } from '../media-playlist.ts';
import type { EncodeSource, MediaRoom } from '../media-room.ts';
import type { FfmpegJob } from '../plan/ffmpeg-job.ts';
import {
  CLIP_FILE,
  clipJob,
  FRAMES_FILE,
  frameSize,
  KEYFRAMES_FILE,
  POSTER_2X_FILE,
  POSTER_FILE,
  posterJob,
  STRETCH_FILE,
  storyboardJob,
} from '../plan/preview-jobs.ts';
import { withWorkDirectory } from '../work-directory.ts';
import { annexBWriter } from './annex-b.ts';
import { chooseFrame, type Frames, rgbaOf } from './choose-frame.ts';
import { planStoryboard, type StoryboardPlan } from './plan-storyboard.ts';
import { renderImagePlaylist, renderStoryboardVtt, spriteName } from './storyboard.ts';

/** An asset whose first rung is whole; `source` null where it cannot be read any more. */
export type PreviewRequest = { assetId: string; rendition: StoredRendition; source: EncodeSource | null };

/** One attempt: where to work, and whether to go on. */
type Attempt = PreviewRequest & { room: MediaRoom; directory: string; signal: AbortSignal };

const STORYBOARD_FILE = 'storyboard.vtt';
const IMAGE_PLAYLIST = 'storyboard.m3u8';

/** Hover clips stay below this, whatever they show. */
const CLIP_BELOW_BYTES = 100_000;
/** What is tried in turn; four seconds at the first come to 75 kB and a buffer. */
const CLIP_MAX_KBPS = [150, 90, 40] as const;
const CLIP_SEGMENTS = 2;
/** Where the poster is taken when no picture says better. */
const POSTER_AT_SHARE = 0.2;

/**
 * Thumbhash, posters, hover clip and storyboard, into the store beside the asset's document. What cannot be made of these
 * pictures is null in the answer and a warning in the log; throws what another try might mend.
 */
export function makePreviews(room: MediaRoom, request: PreviewRequest, signal: AbortSignal): Promise<Previews> {
  const { assetId, rendition, source } = request;
  return withWorkDirectory(room.workRoot, `${assetId}.previews`, async (directory) => {
    const attempt: Attempt = { ...request, room, directory, signal };
    const plan = planStoryboard(rendition);
    const board = await optional(attempt, 'storyboard', () => makeStoryboard(attempt, plan));
    const chosen = board?.chosen ?? Math.floor(plan.segments.length * POSTER_AT_SHARE);
    const seconds = (chosen * plan.intervalMs) / 1000;
    const poster = source && (await optional(attempt, 'poster', () => makePoster(attempt, source, seconds)));
    const clip = await optional(attempt, 'clip', () => makeClip(attempt, plan.segments[chosen] ?? 0));
    return {
      thumbhash: board?.thumbhash ?? null,
      poster,
      poster2x: poster && POSTER_2X_FILE,
      clip,
      storyboard: board && STORYBOARD_FILE,
      tiles: board?.tiles ?? null,
    };
  });
}

type Storyboard = { thumbhash: string; chosen: number; tiles: StoryboardTiles };

/** From the keyframes' bytes alone: nothing else of the rendition is read or decoded. */
async function makeStoryboard(attempt: Attempt, plan: StoryboardPlan): Promise<Storyboard> {
  const { room, assetId, rendition, directory } = attempt;
  await writeKeyframes(attempt, plan.segments);
  await run(attempt, storyboardJob(plan));
  const { tile, segments, columns, rows, intervalMs } = plan;
  const frames: Frames = { ...frameSize(tile), rgb: await readFile(join(directory, FRAMES_FILE)) };
  const pictures = frames.rgb.length / (frames.width * frames.height * 3);
  if (pictures !== segments.length)
    throw new MediaError(
      'unreadable-output',
      `${rendition.id} must have ${segments.length} keyframes (got ${pictures})`,
    );
  const names = Array.from({ length: Math.ceil(segments.length / (columns * rows)) }, (_, index) => spriteName(index));
  const spriteBytes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  const tiles = { columns, rows, ...tile, intervalMs, count: segments.length, spriteBytes };
  const durationMs = rendition.segments.reduce((sum, segment) => sum + segment.durationMs, 0);
  for (const name of names) await publish(attempt, name);
  await room.store.write(`${assetPrefix(assetId)}/${IMAGE_PLAYLIST}`, renderImagePlaylist(tiles, durationMs));
  await room.store.write(`${assetPrefix(assetId)}/${STORYBOARD_FILE}`, renderStoryboardVtt(tiles, durationMs));
  const chosen = chooseFrame(frames);
  const hash = rgbaToThumbHash(frames.width, frames.height, rgbaOf(frames, chosen));
  return { thumbhash: Buffer.from(hash).toString('base64'), chosen, tiles };
}

async function writeKeyframes({ room, assetId, rendition, directory }: Attempt, segments: readonly number[]) {
  const prefix = trackPrefix(assetId, rendition.id);
  const keyframes = parseIframePlaylist((await room.store.read(`${prefix}/${IFRAME_PLAYLIST}`))?.toString() ?? '');
  const toPicture = annexBWriter(await readWhole(room, `${prefix}/init.mp4`));
  for (const segment of segments) {
    const keyframe = keyframes[segment];
    const bytes = keyframe && (await readRange(room, `${prefix}/${keyframe.uri}`, keyframe));
    const sample = bytes && readLeadingSample(bytes);
    if (!sample) throw new MediaError('unreadable-output', `segment ${segment} of ${rendition.id} has no keyframe`);
    await appendFile(join(directory, KEYFRAMES_FILE), toPicture(sample));
  }
}

async function makePoster(attempt: Attempt, { input }: EncodeSource, seconds: number): Promise<string> {
  // The beginning is for containers that cannot seek.
  for (const startSeconds of [seconds, 0]) {
    await run(attempt, posterJob(input, startSeconds));
    if ((await bytesOf(attempt, POSTER_2X_FILE)) === 0) continue;
    await publish(attempt, POSTER_2X_FILE);
    await publish(attempt, POSTER_FILE);
    return POSTER_FILE;
  }
  throw new MediaError('unreadable-output', 'no frame could be made a poster');
}

async function makeClip(attempt: Attempt, chosen: number): Promise<string> {
  const { room, assetId, rendition, directory } = attempt;
  const prefix = trackPrefix(assetId, rendition.id);
  const first = Math.max(0, Math.min(chosen, rendition.segments.length - CLIP_SEGMENTS));
  const last = Math.min(first + CLIP_SEGMENTS, rendition.segments.length);
  const names = Array.from({ length: last - first }, (_, index) => segmentName(first + index));
  for (const name of ['init.mp4', ...names])
    await appendFile(join(directory, STRETCH_FILE), await readWhole(room, `${prefix}/${name}`));
  for (const maxKbps of CLIP_MAX_KBPS) {
    await run(attempt, clipJob(rendition, maxKbps));
    const bytes = await bytesOf(attempt, CLIP_FILE);
    if (bytes === 0 || bytes >= CLIP_BELOW_BYTES) continue;
    await publish(attempt, CLIP_FILE);
    return CLIP_FILE;
  }
  throw new MediaError('unreadable-output', `no clip came out below ${CLIP_BELOW_BYTES} bytes`);
}

/** These pictures' fault costs this preview; the machine's is thrown. */
async function optional<T>({ room, assetId, signal }: Attempt, preview: string, work: () => Promise<T>) {
  try {
    return await work();
  } catch (error) {
    const ours = error instanceof MediaError || (error instanceof FfmpegError && error.code === 'exit');
    if (signal.aborted || !ours) throw error;
    room.log.warn({ assetId, preview, err: error }, 'going on without a preview');
    return null;
  }
}

const run = ({ room, directory, signal }: Attempt, job: FfmpegJob): Promise<void> =>
  room.ffmpeg.run(job, { signal, directory });

const publish = ({ room, assetId, directory }: Attempt, name: string): Promise<void> =>
  room.store.putFile(`${assetPrefix(assetId)}/${name}`, join(directory, name));

async function bytesOf({ directory }: Attempt, name: string): Promise<number> {
  try {
    return (await stat(join(directory, name))).size;
  } catch {
    return 0;
  }
}

async function readWhole({ store }: MediaRoom, key: string): Promise<Buffer> {
  const bytes = await store.read(key);
  if (!bytes) throw new MediaError('unreadable-output', `${key} is not there`);
  return bytes;
}

async function readRange({ store }: MediaRoom, key: string, of: { offset: number; bytes: number }): Promise<Buffer> {
  const found = await store.openRead(key, { start: of.offset, end: of.offset + of.bytes - 1 });
  if (!found) throw new MediaError('unreadable-output', `${key} is not there`);
  const parts: Buffer[] = [];
  for await (const part of found.stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
