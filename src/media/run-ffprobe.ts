import { execFile } from 'node:child_process';
import { LAUNCHER, stderrTail } from './ffmpeg-child.ts';
import { FfmpegError, type FfmpegErrorCode } from './ffmpeg-error.ts';
import { UNTRUSTED_INPUT_OPTIONS } from './plan/ffmpeg-job.ts';

const PROBE_TIME_LIMIT_MS = 60_000;
/** Packet lists of long files: some three million packets, more than any video that is taken has. */
const PROBE_MAX_BYTES = 256 * 1024 * 1024;

/** Address space; one decoded frame of the largest picture that is read takes a twentieth of it. */
const PROBE_MEMORY_KIB = String(4 * 1024 ** 2);

/** ffprobe's JSON for an untrusted file; throws `FfmpegError`. */
export function runFfprobe(
  ffprobePath: string,
  path: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ json: unknown; stderr: string }> {
  const all = [
    '--memory',
    PROBE_MEMORY_KIB,
    ffprobePath,
    '-hide_banner',
    '-v',
    'error',
    ...UNTRUSTED_INPUT_OPTIONS,
    ...args,
    '-of',
    'json=compact=1',
    path,
  ];
  const limits = { signal, timeout: PROBE_TIME_LIMIT_MS, maxBuffer: PROBE_MAX_BYTES, killSignal: 'SIGKILL' as const };
  return new Promise((resolve, reject) => {
    execFile(LAUNCHER, all, limits, (error, stdout, stderr) => {
      if (error) {
        reject(new FfmpegError(probeErrorCode(error, signal), 'probe', stderrTail(stderr), { cause: error }));
        return;
      }
      try {
        resolve({ json: JSON.parse(stdout), stderr });
      } catch (cause) {
        reject(new FfmpegError('exit', 'probe', stderrTail(stderr), { cause }));
      }
    });
  });
}

function probeErrorCode(
  error: { code?: unknown; signal?: unknown; killed?: boolean },
  signal: AbortSignal,
): FfmpegErrorCode {
  if (signal.aborted) return 'aborted';
  // More packets than are read, or more time than is given: either way the file is too much.
  if (error.killed || error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'timeout';
  if (error.signal) return 'killed';
  return typeof error.code === 'number' && error.code !== 126 && error.code !== 127 ? 'exit' : 'not-started';
}
