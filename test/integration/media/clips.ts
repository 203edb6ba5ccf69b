import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createDirectoryStore } from '../../../src/media/directory-store.ts';
import { createFfmpeg } from '../../../src/media/ffmpeg.ts';
import type { EncodeSource, MediaRoom } from '../../../src/media/media-room.ts';
import { probeSource } from '../../../src/media/probe-source.ts';

const execute = promisify(execFile);

export const silent = pino({ level: 'silent' });
export const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log: silent });

/** Runs ffmpeg plainly, as a stranger would; resolves to what it said. */
export async function plainFfmpeg(...args: string[]): Promise<string> {
  const { stderr } = await execute('ffmpeg', ['-nostdin', '-hide_banner', '-v', 'error', '-y', ...args]);
  return stderr;
}

/** ffprobe's JSON, without our options. */
export async function plainFfprobe(...args: string[]): Promise<Record<string, never>> {
  const { stdout } = await execute('ffprobe', ['-v', 'error', '-of', 'json', ...args], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

/** A moving, textured picture and a sound. */
export const picture = (size: string, fps: number | string, seconds: number): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${fps}:duration=${seconds}`],
];
export const sound = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
export const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

export type Workshop = MediaRoom & { root: string; close(): Promise<void> };

/** A media room in a temporary directory. */
export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), 'nara-media-'));
  const store = createDirectoryStore(join(root, 'store'));
  await store.write('uploads/keep', '');
  return {
    root,
    store,
    ffmpeg,
    workRoot: join(root, 'work'),
    log: silent,
    close: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Makes `uploads/NAME` with ffmpeg; `args` are everything before the file. */
export async function makeUpload(workshop: Workshop, name: string, format: string, ...args: string[]): Promise<string> {
  const key = `uploads/${name}`;
  await plainFfmpeg(...args, '-f', format, workshop.store.localPath(key) ?? '');
  return key;
}

/** An upload, probed and ready to encode as asset `a_NAME`. */
export async function openUpload(workshop: Workshop, uploadKey: string): Promise<EncodeSource> {
  const path = workshop.store.localPath(uploadKey) ?? '';
  const probed = await probeSource(ffmpeg, path, new AbortController().signal);
  if (probed.kind !== 'video') throw new Error(probed.error.message);
  const { kind: _, ...details } = probed;
  return {
    assetId: `a_${uploadKey.split('/')[1]}`,
    uploadKey,
    input: { path, details, capabilities: await ffmpeg.warmUp() },
  };
}
