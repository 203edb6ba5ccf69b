/** `exit`: ffmpeg gave up. `killed`: a signal that was not ours, such as the kernel's out-of-memory killer. */
export type FfmpegErrorCode = 'exit' | 'killed' | 'timeout' | 'aborted' | 'not-started';

/** An ffmpeg or ffprobe that did not do its job, with the last lines it said. */
export class FfmpegError extends Error {
  readonly code: FfmpegErrorCode;
  readonly job: string;
  readonly stderrTail: string;

  constructor(code: FfmpegErrorCode, job: string, stderrTail: string, options?: { cause?: unknown }) {
    super(`ffmpeg job ${job}: ${code}${stderrTail ? `: ${lastLine(stderrTail)}` : ''}`, options);
    this.name = 'FfmpegError';
    this.code = code;
    this.job = job;
    this.stderrTail = stderrTail;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
