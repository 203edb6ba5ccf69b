import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withWorkDirectory } from '../../src/media/work-directory.ts';
import { classifyFailure, MAX_TRIES } from '../../src/workers/classify-failure.ts';

const MB = 1024 ** 2;

test('an encode is not begun on a disk that is nearly full; it waits, and says in the end what a person can do', async () => {
  const root = await mkdtemp(join(tmpdir(), 'nara-work-'));
  let begun = 0;
  const encode = async () => {
    begun += 1;
  };
  const failure: unknown = await withWorkDirectory(root, 'x', encode, async () => 127 * MB).catch((error) => error);
  expect(begun).toBe(0);
  expect(await readdir(root)).toEqual([]);
  expect(classifyFailure(failure)).toMatchObject({ kind: 'retry', tries: MAX_TRIES, error: { code: 'no-room' } });

  await withWorkDirectory(root, 'x', encode, async () => 128 * MB);
  expect(begun).toBe(1);
  await rm(root, { recursive: true });
});
