import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openName, recoverSegments, sealedName } from '../../src/telemetry/spool/segment-files.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-recovery-'));
});
afterEach(() => rm(directory, { recursive: true }));

const ROW = '{"segment":"s-7","n":1}\n';
const LONG_AGO = new Date(Date.now() - 5 * 3_600_000);

describe('recovering what a killed process left', () => {
  it.each([
    ['a torn line', `${ROW}${ROW}{"segment":"s-7","n":`],
    ['whole lines', `${ROW}${ROW}`],
    ['a hole, behind which rows were on their way', `${ROW}${ROW}{"segm${'\0'.repeat(40)}\n${ROW}`],
  ])(
    'takes a file that ends with %s for as old as its last row, however long the host was down',
    async (_end, content) => {
      const path = join(directory, openName(7));
      await writeFile(path, content);
      await utimes(path, LONG_AGO, LONG_AGO);
      const [segment, ...others] = await recoverSegments(directory, 's');
      expect(others).toEqual([]);
      expect(segment).toMatchObject({ id: 's-7', rows: 2, bytes: 2 * ROW.length, writtenAtMs: LONG_AGO.getTime() });
      expect(await readFile(segment?.path ?? '', 'utf8')).toBe(`${ROW}${ROW}`);
    },
  );

  it.each(['', '{"segment":"s-7","n":', `${'\0'.repeat(24)}${ROW}`])(
    'leaves nothing of a file that holds no whole row (%j)',
    async (content) => {
      await writeFile(join(directory, openName(7)), content);
      expect(await recoverSegments(directory, 's')).toEqual([]);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('answers segments in the order in which they were written, and recovers them again the same', async () => {
    for (const sequence of [12, 3, 101]) await writeFile(join(directory, sealedName(sequence, 1)), ROW);
    await writeFile(join(directory, openName(200)), `${ROW}torn`);
    const first = await recoverSegments(directory, 's');
    expect(first.map(({ sequence }) => sequence)).toEqual([3, 12, 101, 200]);
    expect(await recoverSegments(directory, 's')).toEqual(first);
  });
});
