import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { LRUCache } from 'lru-cache';
import type { MediaStore } from './media-store.ts';

// Lifecycle: starts empty, whatever an earlier process left; files come as they are asked for and the least used go when
// `maxBytes` are there. Nothing to stop.

type Cached = { path: string; bytes: number };

/** Files of a store elsewhere, on this machine's disk while they are in demand. */
export type LocalCache = {
  /** A path to read from now; null when there is nothing under this key. */
  pathOf(key: string): Promise<string | null>;
  /** Drops what was removed from the store: everything whose key begins so. */
  forget(prefix: string): void;
};

const REMOVED_AFTER_MS = 10_000;
/** What never changes once it is there; the rest is fetched each time. */
const IMMUTABLE = /\.(m4s|mp4|webp)$/;

/** A cache in `directory`, which is its own: whatever is in there is removed. */
export async function openLocalCache(
  store: Pick<MediaStore, 'openRead'>,
  { directory, maxBytes }: { directory: string; maxBytes: number },
): Promise<LocalCache> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // Whoever was just told the path opens it first.
  const removeFile = ({ path }: Cached): void =>
    void setTimeout(() => void rm(path, { force: true }), REMOVED_AFTER_MS).unref();
  const files = new LRUCache<string, Cached>({
    maxSize: maxBytes,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes),
    dispose: removeFile,
  });
  const fetching = new Map<string, Promise<Cached | null>>();

  async function fetchFile(key: string): Promise<Cached | null> {
    const opened = await store.openRead(key);
    if (opened === null) return null;
    const cached = { path: join(directory, randomUUID()), bytes: opened.totalBytes };
    const partial = `${cached.path}.part`;
    await pipeline(opened.stream, createWriteStream(partial)).catch(async (error: unknown) => {
      await rm(partial, { force: true });
      throw error;
    });
    await rename(partial, cached.path);
    files.set(key, cached);
    return cached;
  }

  return {
    async pathOf(key) {
      const known = IMMUTABLE.test(key) ? files.get(key) : undefined;
      if (known !== undefined) return known.path;
      const fetched = fetching.get(key) ?? fetchFile(key).finally(() => fetching.delete(key));
      fetching.set(key, fetched);
      return (await fetched)?.path ?? null;
    },
    forget(prefix) {
      for (const key of [...files.keys()]) if (key.startsWith(prefix)) files.delete(key);
    },
  };
}
