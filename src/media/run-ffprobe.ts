import { execFile } from 'node:child_process';
import { LAUNCHER, stderrTail } from './ffmpeg-child.ts';
import { FfmpegError, type FfmpegErrorCode } from './ffmpeg-error.ts';
import { UNTRUSTED_INPUT_OPTIONS } from './plan/ffmpeg-job.ts';

const PROBE_TIME_LIMIT_MS = 60_000;
/** Packet lists of long files; more than any real probe prints. */
const PROBE_MAX_BYTES = 256 * 1024 * 1024;

/** ffprobe's JSON for an untrusted file; throws `FfmpegError`. */
export function runFfprobe(
  ffprobePath: string,
  path: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ json: unknown; stderr: string }> {
  const all = [ffprobePath, '-hide_banner', '-v', 'error', ...UNTRUSTED_INPUT_OPTIONS, ...args, '-of', 'json', path];
  const limits = { signal, timeout: PROBE_TIME_LIMIT_MS, maxBuffer: PROBE_MAX_BYTES, killSignal: 'SIGKILL' as const };
  return new Promise((resolve, reject) => {
    execFile(LAUNCHER, all, limits, (error, stdout, stderr) => {
      if (!error) return resolve({ json: JSON.parse(stdout), stderr });
      reject(new FfmpegError(probeErrorCode(error, signal), 'probe', stderrTail(stderr), { cause: error }));
    });
  });
}

function probeErrorCode(
  error: { code?: unknown; signal?: unknown; killed?: boolean },
  signal: AbortSignal,
): FfmpegErrorCode {
  if (signal.aborted) return 'aborted';
  if (error.killed) return 'timeout';
  if (error.signal) return 'killed';
  return typeof error.code === 'number' && error.code !== 126 && error.code !== 127 ? 'exit' : 'not-started';
}
