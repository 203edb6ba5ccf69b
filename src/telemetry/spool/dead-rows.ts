import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
