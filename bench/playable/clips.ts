import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ffmpeg = (...args: string[]) => run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);

/** Seconds of picture that are really made; longer clips repeat them, which costs nothing and plays the same. */
const MADE_SECONDS = { h264: 30, hevc: 2 };
/** About 6 Mbit/s of 1080p, as phones and screen recorders send it. */
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '29', '-g', '60', '-pix_fmt', 'yuv420p'];
const HEVC = ['-c:v', 'libx265', '-preset', 'ultrafast', '-crf', '30', '-x265-params', 'log-level=error:keyint=60'];

const picture = (size: string, rate: number, seconds: number): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds},noise=alls=6:allf=t`],
  ...['-f', 'lavfi', '-i', `sine=frequency=330:duration=${seconds}`],
];

/** Where the index of an MP4 is: with `first` it can be decoded while it arrives. */
export type Header = 'first' | 'last';

/** Makes clips in `directory`, each once. */
export function createClips(directory: string) {
  const made = new Map<string, Promise<string>>();
  const once = (name: string, make: (path: string) => Promise<unknown>): Promise<string> => {
    const path = join(directory, name);
    const making = made.get(name) ?? make(path).then(() => path);
    made.set(name, making);
    return making;
  };
  const base = () =>
    once('base.mp4', (path) => ffmpeg(...picture('1920x1080', 30, MADE_SECONDS.h264), ...H264, '-c:a', 'aac', path));
  const hevc = () =>
    once('base-4k.mp4', (path) =>
      ffmpeg(...picture('3840x2160', 60, MADE_SECONDS.hevc), ...HEVC, '-pix_fmt', 'yuv420p', '-c:a', 'aac', path),
    );
  const repeated = (of: string, seconds: number, header: Header, path: string) => {
    const order = header === 'first' ? ['-movflags', '+faststart'] : [];
    return ffmpeg('-stream_loop', '-1', '-i', of, '-t', String(seconds), '-c', 'copy', ...order, path);
  };
  return {
    /** 1080p30 H.264 with sound. */
    h264: (seconds: number, header: Header) =>
      once(`h264-${seconds}-${header}.mp4`, async (path) => repeated(await base(), seconds, header, path)),
    /** 4K60 HEVC with sound. */
    hevc: (seconds: number) =>
      once(`hevc-${seconds}.mp4`, async (path) => repeated(await hevc(), seconds, 'last', path)),
  };
}

export type Clips = ReturnType<typeof createClips>;
