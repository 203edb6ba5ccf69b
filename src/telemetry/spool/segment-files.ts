import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A closed file of accepted rows, waiting to be applied. `id` is unique over all hosts and stands in every row;
 * `writtenAtMs` is when its last row came in.
 */
export type Segment = {
  id: string;
  sequence: number;
  rows: number;
  bytes: number;
  path: string;
  writtenAtMs: number;
};

const SEALED = /^(\d{15})\.(\d+)\.ndjson$/;
const OPEN = /^(\d{15})\.open$/;

export const openName = (sequence: number): string => `${String(sequence).padStart(15, '0')}.open`;
export const sealedName = (sequence: number, rows: number): string =>
  `${String(sequence).padStart(15, '0')}.${rows}.ndjson`;
export const segmentId = (spoolId: string, sequence: number): string => `${spoolId}-${sequence}`;

/** The spool's own name, made once and kept beside its segments, so that two hosts never share a segment id. */
export async function readSpoolId(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'spool-id');
  try {
    const id = (await readFile(path, 'utf8')).trim();
    if (id !== '') return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = randomBytes(8).toString('hex');
  await writeFile(`${path}.tmp`, id, { flush: true });
  await rename(`${path}.tmp`, path);
  return id;
}

/**
 * What a former process left: sealed segments in order, after sealing whatever was still open. A torn last line, and what
 * stands behind a hole, was never acknowledged and is cut off.
 */
export async function recoverSegments(directory: string, spoolId: string): Promise<Segment[]> {
  for (const name of await readdir(directory)) {
    const sequence = OPEN.exec(name)?.[1];
    if (sequence !== undefined) await sealLeftOver(directory, name, Number(sequence));
  }
  const segments: Segment[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const match = SEALED.exec(name);
    if (match === null) continue;
    const path = join(directory, name);
    const sequence = Number(match[1]);
    const { size, mtimeMs } = await stat(path);
    segments.push({
      id: segmentId(spoolId, sequence),
      sequence,
      rows: Number(match[2]),
      bytes: size,
      path,
      writtenAtMs: Math.round(mtimeMs),
    });
  }
  return segments;
}

/** Makes a written and closed file a segment, or removes it where it holds no row. */
export async function sealSegment(
  directory: string,
  spoolId: string,
  written: Pick<Segment, 'sequence' | 'rows' | 'bytes' | 'writtenAtMs'>,
): Promise<Segment | null> {
  const { sequence, rows } = written;
  const from = join(directory, openName(sequence));
  if (rows === 0) {
    await rm(from, { force: true });
    return null;
  }
  const path = join(directory, sealedName(sequence, rows));
  await rename(from, path);
  return { ...written, id: segmentId(spoolId, sequence), path };
}

async function sealLeftOver(directory: string, name: string, sequence: number): Promise<void> {
  const path = join(directory, name);
  const content = await readFile(path);
  const end = lastWholeLine(content);
  const rows = countLines(content.subarray(0, end));
  if (rows === 0) return rm(path);
  if (end < content.length) await cutOff(path, end);
  await syncFile(path);
  await rename(path, join(directory, sealedName(sequence, rows)));
}

/**
 * Where the last line ends that may have been acknowledged. Of two writes under way the second may be on disk without the first,
 * which leaves a hole of zeros: nothing behind it was acknowledged.
 */
function lastWholeLine(content: Buffer): number {
  const hole = content.indexOf(0);
  return (hole === -1 ? content : content.subarray(0, hole)).lastIndexOf(0x0a) + 1;
}

/** The file stays as old as its last row: the account looks for rows around that time. */
async function cutOff(path: string, bytes: number): Promise<void> {
  const { atime, mtime } = await stat(path);
  await truncate(path, bytes);
  await utimes(path, atime, mtime);
}

function countLines(content: Buffer): number {
  let lines = 0;
  for (let at = content.indexOf(0x0a); at !== -1; at = content.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes created and renamed names in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
