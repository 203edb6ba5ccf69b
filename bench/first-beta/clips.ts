import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Real footage, where a checkout has it beside it. */
const FOOTAGE = fileURLToPath(new URL('../../../shared/media/bbb-480p-30s.mp4', import.meta.url));
/** As a good camera writes it: 1080p at 30 frames a second, 53 Mbit/s and with noise, so that few seconds are many bytes. */
const RAW_KBPS = 53_000;
const LEAST_SECONDS = 2;
const FOOTAGE_STEP_SECONDS = 5;

/** `count` different clips of `megabytes` each, and one short small one to be watched. */
export async function makeClips(
  directory: string,
  { count, megabytes }: { count: number; megabytes: number },
): Promise<{ watched: string; raw: string[] }> {
  const hasFootage = await access(FOOTAGE).then(
    () => true,
    () => false,
  );
  const seconds = Math.max(LEAST_SECONDS, (megabytes * 8000) / RAW_KBPS);
  const inputOf = (n: number): string[] =>
    hasFootage
      ? ['-ss', String((n * FOOTAGE_STEP_SECONDS) % 24), '-t', String(seconds), '-i', FOOTAGE]
      : ['-f', 'lavfi', '-t', String(seconds), '-i', `mandelbrot=size=960x540:rate=24:start_scale=${3 / (n + 1)}`];
  const kbps = Math.round((megabytes * 8000) / seconds) - AUDIO_KBPS;
  const make = async (name: string, n: number, filter: string, videoKbps: number): Promise<string> => {
    const path = join(directory, name);
    await run('ffmpeg', [
      ...['-v', 'error', '-y', ...inputOf(n), '-f', 'lavfi', '-t', String(seconds), '-i', 'sine=frequency=330'],
      ...[
        '-map',
        '0:v',
        '-map',
        '1:a',
        '-vf',
        filter,
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-pix_fmt',
        'yuv420p',
      ],
      ...[
        '-b:v',
        `${videoKbps}k`,
        '-minrate',
        `${videoKbps}k`,
        '-maxrate',
        `${videoKbps}k`,
        '-bufsize',
        `${videoKbps}k`,
      ],
      ...['-x264-params', 'nal-hrd=cbr', '-c:a', 'aac', '-b:a', `${AUDIO_KBPS}k`, '-movflags', '+faststart', path],
    ]);
    return path;
  };
  const watched = await make('watched.mp4', 0, 'scale=640:360', 1500);
  const raw: string[] = [];
  for (let n = 0; n < count; n += 1)
    raw.push(await make(`raw-${n}.mp4`, n, 'fps=30,scale=1920:1080:flags=bicubic,noise=alls=6:allf=t', kbps));
  return { watched, raw };
}

const AUDIO_KBPS = 128;
