import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { openMediaStore } from '../../src/media/open-media-store.ts';
import { describeMediaStore } from './media-store-contract.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-store-'));
});
afterEach(() => rm(root, { recursive: true }));

describeMediaStore('the directory store', async () => ({ store: createDirectoryStore(root), close: async () => {} }));

test('a local path is the file itself', async () => {
  const store = createDirectoryStore(root);
  await store.write('uploads/-x_1', 'bytes');
  expect(await readFile(store.localPath('uploads/-x_1') ?? '', 'utf8')).toBe('bytes');
});

test('nothing is left beside the documents, and what a crash leaves there is never listed', async () => {
  const store = createDirectoryStore(root);
  await store.write('assets/a/asset.json', '{}');
  await store.createExclusive('assets/a/asset.json', '{}');
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
  await writeFile(join(root, '.tmp', 'half'), 'half');
  expect(await store.list('')).toEqual(['assets/']);
});

test('object stores other than S3 are refused by name', () => {
  expect(() => openMediaStore('gs://bucket/prefix')).toThrow(
    /NARA_MEDIA_STORE: expected a directory or s3:.*got gs:\/\/bucket\/prefix/,
  );
});
