import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AssetDocument } from '../../src/domain/asset.ts';
import { type AssetStore, createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { writePreviews } from '../../src/media/previews/previews-document.ts';
import { hostedAsset } from '../fixtures/assets.ts';

let root: string;
let store: MediaStore;
let assets: AssetStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-assets-'));
  store = createDirectoryStore(root);
  assets = createAssetStore(store);
});
afterEach(() => rm(root, { recursive: true }));

test('an asset is created once, then written, read and listed', async () => {
  expect(await assets.create(hostedAsset({ id: 'a_1' }))).toBe(true);
  expect(await assets.create(hostedAsset({ id: 'a_1', owner: 'bob' }))).toBe(false);
  expect((await assets.read('a_1'))?.owner).toBe('ann');
  expect(await assets.write(hostedAsset({ id: 'a_1', revision: 7 }))).toBe(true);
  await assets.create(hostedAsset({ id: 'a_0' }));
  expect(await assets.list()).toEqual(['a_0', 'a_1']);
  expect((await assets.read('a_1'))?.revision).toBe(7);
  expect(await assets.read('a_2')).toBeNull();
});

test('removal takes everything of the asset with it, and a late write does not bring it back', async () => {
  await assets.create(hostedAsset({ id: 'a_1' }));
  await store.write('assets/a_1/r/low/init.mp4', 'x');
  await assets.remove('a_1');
  expect(await assets.list()).toEqual([]);
  expect(await assets.write(hostedAsset({ id: 'a_1' }))).toBe(false);
  expect(await assets.list()).toEqual([]);
  expect(await assets.read('a_1')).toBeNull();
});

test('an id that was removed can be created again, and written from then on', async () => {
  await assets.create(hostedAsset({ id: 'mine' }));
  await assets.remove('mine');
  expect(await assets.create(hostedAsset({ id: 'mine', owner: 'bob' }))).toBe(true);
  expect(await assets.write(hostedAsset({ id: 'mine', owner: 'cyd' }))).toBe(true);
  expect((await assets.read('mine'))?.owner).toBe('cyd');
});

test('a document that is none says which asset and what is wrong', async () => {
  await store.write('assets/a_1/asset.json', JSON.stringify({ ...hostedAsset({ id: 'a_1' }), revision: -1 }));
  await expect(assets.read('a_1')).rejects.toMatchObject({ code: 'invalid-document' });
  await expect(assets.read('a_1')).rejects.toThrow(/a_1[\s\S]*revision/);
  await store.write('assets/a_1/asset.json', '{"id":');
  await expect(assets.read('a_1')).rejects.toMatchObject({ code: 'invalid-document' });
});

test('a document that breaks the schema is not written', async () => {
  await expect(assets.write(hostedAsset({ complexityScale: 0 }))).rejects.toThrow();
  expect(await assets.read('a_1')).toBeNull();
});

test('what previews were made is seen by whoever reads the asset, and kept by whoever writes it next', async () => {
  const tiles = { columns: 1, rows: 1, width: 160, height: 90, intervalMs: 2000, count: 1, spriteBytes: [500] };
  const previews = { thumbhash: 'aGFzaA==', poster: 'poster.webp', clip: null, storyboard: 'storyboard.vtt', tiles };
  await assets.create(hostedAsset({ id: 'a_1', availability: 'playable' }));
  await writePreviews(store, 'a_1', previews);
  const seen = await assets.read('a_1');
  expect(seen?.previews).toEqual(previews);
  await assets.write({ ...(seen as AssetDocument), revision: 3 });
  await store.remove('assets/a_1/previews.json');
  expect(await assets.read('a_1')).toMatchObject({ revision: 3, previews });
});
