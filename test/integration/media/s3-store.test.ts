import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { openBucket } from '../../../src/media/s3-bucket.ts';
import { createS3Store } from '../../../src/media/s3-store.ts';
import { openS3TestStore, startS3 } from '../../fixtures/s3-server.ts';
import { describeMediaStore } from '../../media/media-store-contract.ts';

describeMediaStore('the S3 store', openS3TestStore);

test('a file of several parts comes back as it was', async () => {
  const { store, close } = await openS3TestStore();
  const directory = await mkdtemp(join(tmpdir(), 'nara-s3-'));
  const bytes = Buffer.from(Array.from({ length: 20_000_000 }, (_, index) => index % 251));
  await writeFile(join(directory, 'upload'), bytes);
  await store.putFile('uploads/u_1', join(directory, 'upload'));
  expect(await store.size('uploads/u_1')).toBe(bytes.length);
  expect((await store.read('uploads/u_1'))?.equals(bytes)).toBe(true);
  const tail = await store.openRead('uploads/u_1', { start: 19_999_990, end: 30_000_000 });
  expect(tail && (await buffer(tail.stream))).toEqual(bytes.subarray(19_999_990));
  await rm(directory, { recursive: true });
  await close();
});

test('more keys than fit on a page are all listed, and all removed', async () => {
  const { store, close } = await openS3TestStore();
  const keys = Array.from({ length: 1_100 }, (_, index) => `assets/a/r/x/seg-${String(index).padStart(5, '0')}.m4s`);
  for (let begin = 0; begin < keys.length; begin += 50) {
    await Promise.all(keys.slice(begin, begin + 50).map((key) => store.write(key, 'x')));
  }
  expect(await store.list('assets/a/r/x')).toEqual(keys);
  await store.remove('assets/a');
  expect(await store.list('')).toEqual([]);
  await close();
});

test('a server that would let two writers both create a key is refused before it can', async () => {
  const { stop, ...bucket } = await startS3();
  const real = openBucket(bucket);
  const putNew = (key: string, bytes: Uint8Array | string) => real.put(key, bytes).then(() => true);
  const store = createS3Store({ ...real, putNew }, '');
  const refused = { code: 'unsupported-store', message: expect.stringContaining('If-None-Match') };
  await expect(store.createExclusive('policy/config/000001.json', '{}')).rejects.toMatchObject(refused);
  expect(await store.read('policy/config/000001.json')).toBeNull();
  await stop();
});
