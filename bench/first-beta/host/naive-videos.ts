import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type RequestHandler, Router, static as serveFiles } from 'express';

// What the first beta did: the request brings the raw file and waits until a plain ffmpeg has made three rungs of it. The
// preset is the one that NARA uses, so that only where and how ffmpeg runs is different.

const FFMPEG = process.env.NARA_FFMPEG || 'ffmpeg';
const RUNGS = [
  { height: 1080, kbps: 4500 },
  { height: 720, kbps: 2500 },
  { height: 360, kbps: 700 },
];

/** `POST /videos` and the HLS files made of it. */
export function naiveVideos(directory: string): Router {
  const router = Router();
  router.post('/videos', receiveAndEncode(directory));
  router.use('/videos', serveFiles(directory));
  return router;
}

function receiveAndEncode(directory: string): RequestHandler {
  return async (request, response) => {
    const id = randomUUID();
    const folder = join(directory, id);
    await mkdir(folder, { recursive: true });
    await pipeline(request, createWriteStream(join(folder, 'raw.mp4')));
    const uploadedAt = new Date().toISOString();
    await encode(folder);
    response.status(201).json({ id, uploadedAt, completeAt: new Date().toISOString() });
  };
}

function encode(folder: string): Promise<void> {
  const child = spawn(FFMPEG, ffmpegArguments(), { cwd: folder, stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`ffmpeg ended with ${code}`))));
  });
}

function ffmpegArguments(): string[] {
  const split = `[0:v]split=${RUNGS.length}${RUNGS.map((_, n) => `[s${n}]`).join('')}`;
  const scale = RUNGS.map(({ height }, n) => `[s${n}]scale=-2:${height}[v${n}]`);
  const maps = RUNGS.flatMap(({ kbps }, n) => ['-map', `[v${n}]`, `-b:v:${n}`, `${kbps}k`, '-map', '0:a']);
  const variants = RUNGS.map((_, n) => `v:${n},a:${n}`).join(' ');
  return [
    ...['-nostdin', '-y', '-v', 'error', '-i', 'raw.mp4'],
    ...['-filter_complex', [split, ...scale].join(';'), ...maps],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-force_key_frames', 'expr:gte(t,n_forced*2)'],
    ...['-c:a', 'aac', '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', '-var_stream_map', variants],
    ...['-hls_segment_type', 'fmp4', '-master_pl_name', 'master.m3u8', 'rung-%v/index.m3u8'],
  ];
}
