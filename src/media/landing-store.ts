import { existsSync } from 'node:fs';
import { link, rm, stat } from 'node:fs/promises';
import type { MediaStore } from './media-store.ts';

/** A store elsewhere whose uploads arrive on this machine's disk first. */
export type LandingStore = MediaStore & {
  /** Copies a whole upload, and what tus notes beside it, to where every machine finds it; again is fine. */
  land(uploadKey: string): Promise<void>;
  /** Gives the local room of uploads that landed a while ago back; they are read from elsewhere from then on. */
  release(nowMs: number): Promise<void>;
};

/** As long as the jobs on an upload take, queues and all; later ones fetch it again. */
const KEPT_FOR_MS = 6 * 3_600_000;

/** Ends the name that an upload has while it is copied; one that was killed then leaves it. */
const LANDING = '.landing';

const isUpload = (key: string): boolean => key.startsWith('uploads/');

/**
 * Everything is in `remote`, and uploads are looked for in `local` before: the machine that received one encodes it while and as soon
 * as it arrives, the others once it has landed.
 */
export function createLandingStore(remote: MediaStore, local: MediaStore): LandingStore {
  async function put(key: string): Promise<void> {
    const path = local.localPath(key);
    if (path === null || !existsSync(path)) return;
    // Putting a file takes it away, and only this name of it shall go.
    const copy = `${path}${LANDING}`;
    await rm(copy, { force: true });
    await link(path, copy);
    await remote.putFile(key, copy);
  }

  return {
    ...remote,
    read: async (key) => (isUpload(key) ? await local.read(key) : null) ?? remote.read(key),
    size: async (key) => (isUpload(key) ? await local.size(key) : null) ?? remote.size(key),
    openRead: async (key, range) =>
      (isUpload(key) ? await local.openRead(key, range) : null) ?? remote.openRead(key, range),
    async remove(keyOrPrefix) {
      if (isUpload(keyOrPrefix)) {
        await local.remove(keyOrPrefix);
        await local.remove(`${keyOrPrefix}${LANDING}`);
      }
      await remote.remove(keyOrPrefix);
    },
    localPath(key) {
      const path = isUpload(key) ? local.localPath(key) : null;
      return path !== null && existsSync(path) ? path : remote.localPath(key);
    },
    async release(nowMs) {
      for (const noteKey of await local.list('uploads')) {
        const key = noteKey.replace(/\.json$/, '');
        const path = local.localPath(key);
        if (key === noteKey || path === null) continue;
        const file = await stat(path).catch(() => null);
        if (file === null || nowMs - file.mtimeMs < KEPT_FOR_MS || (await remote.size(key)) !== file.size) continue;
        // Its note last: without that nobody would look for the upload's file again.
        await local.remove(key);
        await local.remove(noteKey);
      }
    },
    async land(uploadKey) {
      await put(uploadKey);
      await put(`${uploadKey}.json`);
    },
  };
}
