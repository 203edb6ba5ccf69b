import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followUpload, readArrival, readArrived } from '../../src/media/upload-arrival.ts';
import { waitFor } from '../fixtures/wait-for.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-arrival-'));
  path = join(directory, 'u_1');
  await writeFile(`${path}.json`, JSON.stringify({ id: 'u_1', size: 10 }));
});
afterEach(() => rm(directory, { recursive: true }));

test('only what is verified has arrived, and a file of full size is whole whatever mark is left', async () => {
  expect(await readArrival(path)).toBeNull();
  await writeFile(path, '012345');
  expect(await readArrival(path)).toEqual({ verifiedBytes: 6, declaredBytes: 10 });
  await writeFile(`${path}.unverified`, '4\n');
  expect(await readArrival(path)).toEqual({ verifiedBytes: 4, declaredBytes: 10 });
  expect(String(await readArrived(path, 100))).toBe('0123');
  expect(String(await readArrived(path, 2))).toBe('01');
  await appendFile(path, '6789');
  expect(await readArrival(path)).toEqual({ verifiedBytes: 10, declaredBytes: 10 });
  await rm(`${path}.json`);
  expect(await readArrival(path)).toEqual({ verifiedBytes: 4, declaredBytes: null });
});

/** Follows the upload until it ends; `read` is what came so far. */
function follow(idleLimitMs: number) {
  const followed = { read: '', end: '' };
  const { signal } = new AbortController();
  const done = (async () => {
    const onEnd = (end: string) => {
      followed.end = end;
    };
    for await (const bytes of followUpload(path, { signal, idleLimitMs, onEnd })) followed.read += String(bytes);
  })();
  return { followed, done };
}

test('an upload is followed through cuts and checksums to its last byte', async () => {
  await writeFile(path, '012');
  const { followed, done } = follow(60_000);
  await waitFor('the first bytes', () => followed.read === '012');
  await writeFile(`${path}.unverified`, '3\n');
  await appendFile(path, 'xx');
  // The sum was wrong: what came is taken back, and sent again.
  await truncate(path, 3);
  await rm(`${path}.unverified`);
  await appendFile(path, '3456');
  await waitFor('more', () => followed.read === '0123456');
  await appendFile(path, '789');
  await done;
  expect(followed).toEqual({ read: '0123456789', end: 'whole' });
});

test('an upload that nobody continues, or that is gone, is let go', async () => {
  await writeFile(path, '012');
  const abandoned = follow(50);
  await abandoned.done;
  expect(abandoned.followed).toEqual({ read: '012', end: 'stalled' });
  const removed = follow(60_000);
  await waitFor('the first bytes', () => removed.followed.read === '012');
  await rm(path);
  await removed.done;
  expect(removed.followed.end).toBe('stalled');
});
