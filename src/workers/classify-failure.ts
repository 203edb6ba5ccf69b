import type { AssetError } from '../domain/asset.ts';
import { FfmpegError } from '../media/ffmpeg-error.ts';
import { MediaError } from '../media/media-error.ts';
import { BROKEN_BITSTREAM } from '../media/source-rejections.ts';
import { AssetRemovedError } from './update-asset.ts';

/** What a failed job means: the one place that decides between trying again and telling the person. */
export type Verdict =
  /** The machine's fault: tried so often in all, then `error` stands. */
  | { kind: 'retry'; tries: number; error: AssetError }
  /** The file's fault: the same would happen again. */
  | { kind: 'permanent'; error: AssetError }
  /** Nobody wants it any more. */
  | { kind: 'removed' };

/** Tries of a job that keeps failing: with exponential back-off from two seconds on, an outage of a quarter of an hour. */
export const MAX_TRIES = 10;
/** Tries that each cost an encode. */
const HEAVY_TRIES = 4;

/** What ffmpeg says when the machine, not the file, is short of something. */
const MACHINE_TROUBLE =
  /No space left|Cannot allocate memory|Resource temporarily unavailable|Too many open files|Input\/output error/i;

/** Sorts whatever a transcode threw. Unknown errors are retried: a bug or an outage is not the file's fault. */
export function classifyFailure(thrown: unknown): Verdict {
  if (thrown instanceof AssetRemovedError) return { kind: 'removed' };
  if (thrown instanceof FfmpegError) return classifyFfmpeg(thrown);
  if (thrown instanceof MediaError && thrown.code === 'unreadable-output') {
    return { kind: 'permanent', error: BROKEN_BITSTREAM };
  }
  if (thrown instanceof MediaError && thrown.code === 'disk-full') {
    return { kind: 'retry', tries: MAX_TRIES, error: NO_ROOM };
  }
  return { kind: 'retry', tries: MAX_TRIES, error: INTERNAL };
}

function classifyFfmpeg(error: FfmpegError): Verdict {
  if (error.code === 'timeout') return { kind: 'permanent', error: TOO_SLOW };
  if (error.code === 'exit' && !MACHINE_TROUBLE.test(error.stderrTail)) {
    return { kind: 'permanent', error: BROKEN_BITSTREAM };
  }
  return { kind: 'retry', tries: HEAVY_TRIES, error: NO_RESOURCES };
}

const TOO_SLOW: AssetError = {
  code: 'too-slow',
  message: 'Encoding this video took far longer than it should and was stopped.',
  action: 'Export it at a lower resolution or frame rate and upload it again.',
};

const NO_RESOURCES: AssetError = {
  code: 'no-resources',
  message: 'The server ran out of memory or disk space while encoding this video.',
  action: 'Try again later; if it keeps happening, tell the operator: the worker log has the details.',
};

const NO_ROOM: AssetError = {
  code: 'no-room',
  message: 'The server’s disk is full, so this video was not encoded. The upload is kept.',
  action: 'The operator makes room and retries it; it need not be uploaded again.',
};

/** Something went wrong that is not about the file. */
export const INTERNAL: AssetError = {
  code: 'internal',
  message: 'Encoding this video failed for a reason inside the server.',
  action: 'Try again later; if it keeps happening, tell the operator: the worker log has the details.',
};
