import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { freeBytesOf } from './disk-room.ts';
import { MediaError } from './media-error.ts';
import type { MediaStore } from './media-store.ts';

// Lifecycle: a copy stays for the jobs that follow on the same upload (fast lane, remainder, each chunk) and goes when nobody has
// asked for it for a while. One that was cut short has a name of its own, and goes the same way.

const KEPT_FOR_MS = 6 * 3_600_000;
/** Beside the copy, room for what is made of it. */
const MIN_FREE_BYTES = 256 * 1024 ** 2;

/** A local copy of what is under `key` in a store elsewhere; null when there is nothing. Throws `disk-full`. */
export async function copySource(
  store: Pick<MediaStore, 'size' | 'openRead'>,
  key: string,
  directory: string,
  { signal, nowMs }: { signal: AbortSignal; nowMs: number },
): Promise<string | null> {
  const bytes = await store.size(key);
  if (bytes === null) return null;
  const path = join(directory, basename(key));
  if ((await stat(path).catch(() => null))?.size === bytes) {
    await utimes(path, nowMs / 1000, nowMs / 1000);
    return path;
  }
  await mkdir(directory, { recursive: true });
  await removeUnused(directory, nowMs);
  const free = await freeBytesOf(directory);
  if (free < bytes + MIN_FREE_BYTES) {
    throw new MediaError(
      'disk-full',
      `${directory}: expected ${bytes + MIN_FREE_BYTES} free bytes for ${key} (got ${free})`,
    );
  }
  const opened = await store.openRead(key);
  if (opened === null) return null;
  const partial = `${path}.${process.pid}.${nowMs}`;
  try {
    await pipeline(opened.stream, createWriteStream(partial), { signal });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  return path;
}

async function removeUnused(directory: string, nowMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs > KEPT_FOR_MS) await rm(path, { force: true });
  }
}
