import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseError } from '../database.ts';
import type { Segment } from './segment-files.ts';

/** A row the database will never take, and what it said. */
export type DeadRow = { line: string; reason: string };

/** Whether an error lies in the rows, so that trying them again cannot help. */
export function isPermanent(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.permanent;
}

/**
 * Inserts a segment in halves, and halves of halves, around the rows that are refused; answers those. Other errors are thrown:
 * the segment is then partly there, and its next attempt begins by removing that part.
 */
export async function insertAround(segment: Segment, insert: (path: string) => Promise<void>): Promise<DeadRow[]> {
  const lines = (await readFile(segment.path, 'utf8')).trimEnd().split('\n');
  const part = `${segment.path}.part`;

  async function insertLines(from: number, to: number): Promise<DeadRow[]> {
    await writeFile(part, `${lines.slice(from, to).join('\n')}\n`);
    try {
      await insert(part);
      return [];
    } catch (error) {
      if (!isPermanent(error)) throw error;
      if (to - from === 1) return [{ line: lines[from] ?? '', reason: error.message }];
    }
    const middle = Math.floor((from + to) / 2);
    return [...(await insertLines(from, middle)), ...(await insertLines(middle, to))];
  }

  try {
    const middle = Math.ceil(lines.length / 2);
    if (middle === lines.length) return await insertLines(0, middle);
    return [...(await insertLines(0, middle)), ...(await insertLines(middle, lines.length))];
  } finally {
    await rm(part, { force: true });
  }
}

/** Keeps dead rows with their reasons, one JSON object per line; burying the same ones again changes nothing. */
export async function buryRows(directory: string, segment: Segment, dead: readonly DeadRow[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  const target = join(directory, basename(segment.path));
  await writeFile(`${target}.tmp`, dead.map((row) => `${JSON.stringify(row)}\n`).join(''), { flush: true });
  await rename(`${target}.tmp`, target);
}

/** A buried row with when it was buried. */
export type BuriedRow = DeadRow & { atMs: number };

/** Rows buried in [fromMs, toMs), newest file first, at most `limit`; none where there is no such directory. */
export async function readBuriedRows(
  directory: string,
  range: { fromMs: number; toMs: number; limit: number },
): Promise<BuriedRow[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.ndjson'));
  const rows: BuriedRow[] = [];
  for (const name of names.sort().reverse()) {
    if (rows.length >= range.limit) break;
    const path = join(directory, name);
    const atMs = (await stat(path)).mtimeMs;
    if (atMs < range.fromMs || atMs >= range.toMs) continue;
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    rows.push(...lines.map((line) => ({ ...(JSON.parse(line) as DeadRow), atMs })));
  }
  return rows.slice(0, range.limit);
}
