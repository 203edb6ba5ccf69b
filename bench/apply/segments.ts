import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSpoolId, type Segment, sealedName, segmentId } from '../../src/telemetry/spool/segment-files.ts';
import type { Traffic } from './traffic.ts';

/** Writes the next rows of `traffic` as sealed segments of a spool's directory: each of `limit` bytes, or rows. */
export async function writeSegments(
  directory: string,
  traffic: Traffic,
  range: { from: number; count: number },
  limit: { bytes: number } | { rows: number },
): Promise<Segment[]> {
  await mkdir(directory, { recursive: true });
  const spoolId = await readSpoolId(directory);
  const segments: Segment[] = [];
  for (let sequence = range.from; sequence < range.from + range.count; sequence += 1) {
    segments.push(await writeSegment(directory, spoolId, sequence, traffic, limit));
  }
  return segments;
}

async function writeSegment(
  directory: string,
  spoolId: string,
  sequence: number,
  traffic: Traffic,
  limit: { bytes: number } | { rows: number },
): Promise<Segment> {
  const id = segmentId(spoolId, sequence);
  const lines: string[] = [];
  let bytes = 0;
  while ('bytes' in limit ? bytes < limit.bytes : lines.length < limit.rows) {
    const line = `{"segment":"${id}",${traffic.next()}\n`;
    bytes += line.length;
    lines.push(line);
  }
  const path = join(directory, sealedName(sequence, lines.length));
  await writeFile(path, lines.join(''));
  return { id, sequence, rows: lines.length, bytes, path, writtenAtMs: Date.now() };
}

export const rowsOf = (segments: readonly Segment[]): number => segments.reduce((sum, { rows }) => sum + rows, 0);
