import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { createFfmpeg } from '../../src/media/ffmpeg.ts';
import type { EncodeSource, MediaRoom } from '../../src/media/media-room.ts';
import { probeSource } from '../../src/media/probe-source.ts';

/** A media room in a temporary directory with one clip in it. */
export type TitleRoom = { room: MediaRoom; source: EncodeSource; close(): Promise<void> };

const UPLOAD_KEY = 'uploads/clip';
const { signal } = new AbortController();

/** Opens a room around a clip. */
export async function openTitle(clip: string): Promise<TitleRoom> {
  const root = await mkdtemp(join(tmpdir(), 'nara-per-title-'));
  const log = pino({ level: 'silent' });
  const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log });
  await mkdir(join(root, 'store', 'uploads'), { recursive: true });
  const path = join(root, 'store', UPLOAD_KEY);
  await copyFile(clip, path);
  const probed = await probeSource(ffmpeg, path, signal);
  if (probed.kind === 'rejected') throw new Error(`${clip}: ${probed.error.message}`);
  const { kind: _, ...details } = probed;
  return {
    room: { store: createDirectoryStore(join(root, 'store')), ffmpeg, workRoot: join(root, 'work'), log },
    source: {
      assetId: 'a_title',
      uploadKey: UPLOAD_KEY,
      input: { path, details, capabilities: await ffmpeg.warmUp() },
    },
    close: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Clock ticks per second of every Linux that Node runs on. */
const TICKS = 100;

/** Processor seconds of all children that have ended, theirs included. */
export async function childSeconds(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}
