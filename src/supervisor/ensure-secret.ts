import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExclusively } from './create-exclusively.ts';

const SECRET_BYTES = 32;

/** The named secret of this data directory (43 URL-safe characters, `DATA_DIR/secrets/NAME`, mode 0600); made on first use. */
export async function ensureSecret(dataDir: string, name: string): Promise<string> {
  const folder = join(dataDir, 'secrets');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  await createExclusively(path, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`);
  return (await readFile(path, 'utf8')).trim();
}
