import { readFileSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

export const SCOPES = ['telemetry', 'upload', 'read', 'decide', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const storedKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** SHA-256 of the whole key, hex; keys are 192 random bits, so no stretching is needed. Empty: requests are signed instead. */
  hash: z.string(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  /** Browser origins the key may come from; empty: any, or none. */
  origins: z.array(z.string()),
  /** Requests carry a signature, never a key. */
  signed: z.boolean().default(false),
  createdAt: z.iso.datetime(),
});
const fileSchema = z.object({ keys: z.array(storedKeySchema) });
export type StoredKey = z.infer<typeof storedKeySchema>;

/** `keys.json` is there and cannot be used. Nothing is written over it: it must be mended or removed by hand. */
export class KeyFileError extends Error {
  readonly code = 'keys.unreadable';
  override readonly name = 'KeyFileError';
}

/** Tells one state of the file from the next; `none` when there is no file. */
export function keyFileMark(path: string): string {
  const file = statSync(path, { throwIfNoEntry: false });
  return file === undefined ? 'none' : `${file.ino} ${file.size} ${file.mtimeMs}`;
}

/** The stored keys; none without a file. Synchronous, because it is asked inside a request. Throws KeyFileError. */
export function readKeyFile(path: string): StoredKey[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).keys;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new KeyFileError(`${path} is not a list of keys: ${reason}`, { cause });
  }
}

/** Replaces the file (mode 0600) as a whole: whoever reads it sees the old keys or the new ones. */
export async function writeKeyFile(path: string, keys: readonly StoredKey[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(temporary, path);
}
