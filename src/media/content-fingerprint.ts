import { createHash } from 'node:crypto';
import type { MediaStore } from './media-store.ts';

const SAMPLE_BYTES = 64 * 1024;

type Bytes = Pick<MediaStore, 'size' | 'openRead'>;

/**
 * What tells most files apart without reading them whole: their size and their beginning, middle and end. Equal fingerprints are a
 * reason to compare, not proof. Null when there is no such file.
 */
export async function readFingerprint(store: Bytes, key: string): Promise<string | null> {
  const size = await store.size(key);
  if (size === null || size === 0) return null;
  const hash = createHash('sha256').update(`${size}\n`);
  for (const at of [0, Math.floor((size - SAMPLE_BYTES) / 2), size - SAMPLE_BYTES]) {
    const start = Math.max(0, at);
    await updateWith(hash, store, key, { start, end: Math.min(size, start + SAMPLE_BYTES) - 1 });
  }
  return hash.digest('hex');
}

/** SHA-256 over every byte of a file; null when there is none. */
export async function readSha256(store: Bytes, key: string): Promise<string | null> {
  if ((await store.size(key)) === null) return null;
  const hash = createHash('sha256');
  await updateWith(hash, store, key);
  return hash.digest('hex');
}

async function updateWith(
  hash: ReturnType<typeof createHash>,
  store: Bytes,
  key: string,
  range?: { start: number; end: number },
): Promise<void> {
  const opened = await store.openRead(key, range);
  if (opened) for await (const chunk of opened.stream) hash.update(chunk as Buffer);
}
