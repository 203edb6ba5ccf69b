import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';

/** Writes a file of mode 0600 in one step: a reader sees the old content or the new, never a part. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const whole = `${path}.${randomUUID()}.tmp`;
  await writeFile(whole, content, { mode: 0o600 });
  await rename(whole, path);
}
