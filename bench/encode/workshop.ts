import { execFile } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { createFfmpeg } from '../../src/media/ffmpeg.ts';
import type { EncodeSource, MediaRoom } from '../../src/media/media-room.ts';
import { probeSource } from '../../src/media/probe-source.ts';

const run = promisify(execFile);
/** Real footage, where a checkout has it beside it. */
const FOOTAGE = fileURLToPath(new URL('../../../shared/media/bbb-480p-30s.mp4', import.meta.url));

/** What phones and cameras write in 1080p30; other sizes in proportion. */
const CAMERA_KBPS = 17_000;

/** A media room in a temporary directory, with the clips it makes. */
export type Workshop = {
  room: MediaRoom;
  root: string;
  /** H.264 with sound of this size, as a camera would write it. */
  source(clip: { name: string; width: number; height: number; seconds: number }): Promise<EncodeSource>;
  close(): Promise<void>;
};

export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), 'nara-bench-encode-'));
  const log = pino({ level: 'silent' });
  const store = createDirectoryStore(join(root, 'store'));
  const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log });
  const room = { store, ffmpeg, workRoot: join(root, 'work'), log };
  await store.write('uploads/keep', '');
  return {
    room,
    root,
    async source({ name, width, height, seconds }) {
      const kbps = Math.round((CAMERA_KBPS * width * height) / (1920 * 1080));
      const uploadKey = `uploads/${name}`;
      const path = store.localPath(uploadKey) ?? '';
      await run('ffmpeg', [
        ...[
          '-v',
          'error',
          '-y',
          ...(await footage()),
          '-f',
          'lavfi',
          '-i',
          'sine=frequency=330',
          '-t',
          String(seconds),
        ],
        ...[
          '-map',
          '0:v',
          '-map',
          '1:a',
          '-vf',
          `fps=30,scale=${width}:${height}:flags=bicubic,setsar=1,noise=alls=4:allf=t`,
        ],
        ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '30', '-pix_fmt', 'yuv420p', '-b:v', `${kbps}k`],
        ...['-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`, '-c:a', 'aac'],
        ...['-f', 'mp4', path],
      ]);
      const probed = await probeSource(ffmpeg, path, new AbortController().signal);
      if (probed.kind !== 'video') throw new Error(probed.error.message);
      const { kind: _, ...details } = probed;
      return { assetId: `a_${name}`, uploadKey, input: { path, details, capabilities: await ffmpeg.warmUp() } };
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function footage(): Promise<string[]> {
  const isThere = await access(FOOTAGE).then(
    () => true,
    () => false,
  );
  return isThere ? ['-stream_loop', '-1', '-i', FOOTAGE] : ['-f', 'lavfi', '-i', 'mandelbrot=size=960x540:rate=30'];
}
