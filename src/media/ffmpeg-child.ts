import { fileURLToPath } from 'node:url';

/** Starts what its arguments name as a child that is niced, blind to our environment, and dies with us. */
export const LAUNCHER = fileURLToPath(new URL('../../scripts/ffmpeg-child.sh', import.meta.url));

const STDERR_TAIL_LINES = 20;

/** The last lines without the progress counter. */
export function stderrTail(stderr: string): string {
  const lines = stderr.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '' && !/^(frame|size)=/.test(line));
  return lines.slice(-STDERR_TAIL_LINES).join('\n');
}
