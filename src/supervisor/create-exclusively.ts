import { randomUUID } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';

/** Creates `path` with its whole content, or returns false when it exists: the first writer wins, no one reads a half file. */
export async function createExclusively(path: string, content: string): Promise<boolean> {
  const whole = `${path}.${randomUUID()}.tmp`;
  await writeFile(whole, content, { mode: 0o600, flush: true });
  try {
    await link(whole, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(whole, { force: true });
  }
}

/** Whether this is the operating system's error of that name, e.g. `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
