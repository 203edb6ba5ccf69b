import { statfs } from 'node:fs/promises';

/**
 * Bytes that renditions and previews add up to per byte of their source, at most: less than half for anything a camera makes, about
 * as much for what was encoded tightly before.
 */
export const RENDITION_BYTES_PER_SOURCE_BYTE = 1;

/** Bytes that are free for this process on the file system of `directory`. */
export async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
