import { readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { lockFilesOf } from './file-locker.ts';
import { figuresPathOf } from './upload-figures.ts';
import { unverifiedMarkOf } from './verifying-file-store.ts';

/** What tus keeps beside an upload; without a size until its length is declared. */
const uploadInfoSchema = z.object({ size: z.int().nonnegative() });

/** The size that tus' own note of an upload declares; null when it declares none. */
export function readDeclaredBytes(info: string): number | null {
  try {
    return uploadInfoSchema.parse(JSON.parse(info)).size;
  } catch {
    return null;
  }
}

/** How far a raw upload has come; null when it never got a file. */
export async function readUploadProgress(
  directory: string,
  uploadKey: string,
): Promise<{ isWhole: boolean; writtenAtMs: number } | null> {
  const path = pathOf(directory, uploadKey);
  const file = await stat(path).catch(ignoreMissing);
  if (file === null) return null;
  const info = await readFile(`${path}.json`, 'utf8').catch(ignoreMissing);
  return { isWhole: info !== null && readDeclaredBytes(info) === file.size, writtenAtMs: file.mtimeMs };
}

/** Removes a raw upload with all that is kept beside it. */
export async function removeUploadFiles(directory: string, uploadKey: string): Promise<void> {
  const path = pathOf(directory, uploadKey);
  const files = [path, `${path}.json`, unverifiedMarkOf(path), figuresPathOf(path), ...lockFilesOf(path)];
  for (const file of files) await rm(file, { force: true });
}

const pathOf = (directory: string, uploadKey: string): string => join(directory, basename(uploadKey));

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
