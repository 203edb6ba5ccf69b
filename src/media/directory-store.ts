import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type ByteRange, checkKey, type MediaStore } from './media-store.ts';

// Lifecycle: bytes are born in ROOT/.tmp, synced, then renamed (or linked, when the first writer must win) to their key.
// A crash leaves at most a file in .tmp, which no key can name; `sweepTemporaryFiles` removes it later. No open handles, so there
// is nothing to stop.

const TEMPORARY = '.tmp';

/** A media store in a local directory, shared by any number of processes of this machine. */
export function createDirectoryStore(directory: string): MediaStore {
  const root = resolve(directory);
  const pathOf = (key: string): string => join(root, checkKey(key));

  return {
    read: (key) => orNull(readFile(pathOf(key))),
    async write(key, bytes) {
      const temporary = await writeTemporary(root, bytes);
      await intoDirectory(pathOf(key), (path) => rename(temporary, path));
      await syncDirectory(dirname(pathOf(key)));
    },
    async putFile(key, localPath) {
      const path = pathOf(key);
      await syncFile(localPath);
      try {
        await intoDirectory(path, (target) => rename(localPath, target));
      } catch (error) {
        if (!hasCode(error, 'EXDEV')) throw error;
        await copyIn(root, localPath, path);
      }
      await syncDirectory(dirname(path));
    },
    async createExclusive(key, bytes) {
      const temporary = await writeTemporary(root, bytes);
      try {
        await intoDirectory(pathOf(key), (path) => link(temporary, path));
        await syncDirectory(dirname(pathOf(key)));
        return true;
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false;
        throw error;
      } finally {
        await unlink(temporary);
      }
    },
    list: (prefix) => listLevel(root, prefix),
    remove: (keyOrPrefix) => rm(pathOf(keyOrPrefix), { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }),
    openRead: (key, range) => openFile(pathOf(key), range),
    size: (key) => fileSize(pathOf(key)),
    localPath: pathOf,
  };
}

/** No write takes this long. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes what writers that were killed left behind in a directory store; resolves to how many files. */
export async function sweepTemporaryFiles(directory: string, olderThanMs = ABANDONED_AFTER_MS): Promise<number> {
  const temporary = join(resolve(directory), TEMPORARY);
  const paths = ((await orNull(readdir(temporary))) ?? []).map((name) => join(temporary, name));
  const ages = await Promise.all(paths.map(async (path) => Date.now() - ((await orNull(stat(path)))?.mtimeMs ?? 0)));
  const abandoned = paths.filter((_, index) => (ages[index] ?? 0) >= olderThanMs);
  await Promise.all(abandoned.map((path) => rm(path, { force: true })));
  return abandoned.length;
}

async function openFile(path: string, range: ByteRange | undefined): ReturnType<MediaStore['openRead']> {
  const totalBytes = await fileSize(path);
  if (totalBytes === null) return null;
  return { stream: createReadStream(path, range), totalBytes };
}

async function fileSize(path: string): Promise<number | null> {
  const found = await orNull(stat(path));
  return found?.isFile() ? found.size : null;
}

async function listLevel(root: string, prefix: string): Promise<string[]> {
  const parent = prefix === '' ? '' : `${checkKey(prefix)}/`;
  const entries = (await orNull(readdir(join(root, parent), { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => !entry.name.startsWith('.'))
    .map((entry) => `${parent}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .sort();
}

async function writeTemporary(root: string, bytes: Uint8Array | string): Promise<string> {
  const path = await temporaryPath(root);
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

async function temporaryPath(root: string): Promise<string> {
  await mkdir(join(root, TEMPORARY), { recursive: true });
  return join(root, TEMPORARY, randomUUID());
}

/** Rename works only inside one file system: from elsewhere the bytes are copied first, then renamed. */
async function copyIn(root: string, localPath: string, path: string): Promise<void> {
  const temporary = await temporaryPath(root);
  await copyFile(localPath, temporary, constants.COPYFILE_EXCL);
  await syncFile(temporary);
  await intoDirectory(path, (target) => rename(temporary, target));
  await rm(localPath, { force: true });
}

/** The directory may be missing, or vanish under us when an asset is deleted; made again once. */
async function intoDirectory(path: string, move: (path: string) => Promise<void>): Promise<void> {
  try {
    await move(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    await mkdir(dirname(path), { recursive: true });
    await move(path);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await orNull(open(path, 'r'));
  if (!directory) return;
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function orNull<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
