import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AssetDocument } from '../../src/domain/asset.ts';
import { type AssetStore, createAssetStore, earlyTracksKey } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { hostedAsset } from '../fixtures/assets.ts';

const AT = '2026-01-01T00:00:05.000Z';
const nothingYet: Partial<AssetDocument> = {
  state: 'uploading',
  availability: 'none',
  revision: 0,
  renditions: [],
  timings: { uploadedAt: null, playableAt: null, completeAt: null, upgradedAt: null },
};
const { durationMs, source, renditions, audio, plan } = hostedAsset();
const early = { durationMs, source, renditions, audio, plan, playableAt: AT };

let root: string;
let store: MediaStore;
let assets: AssetStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-early-'));
  store = createDirectoryStore(root);
  assets = createAssetStore(store);
  await assets.create(hostedAsset(nothingYet));
  await store.write(earlyTracksKey('a_1'), JSON.stringify(early));
});
afterEach(() => rm(root, { recursive: true }));

test('what was made of an upload that is still arriving is seen with its document, which says that it is uploading', async () => {
  expect(await assets.read('a_1')).toEqual({
    ...hostedAsset(nothingYet),
    durationMs,
    source,
    renditions,
    audio,
    plan,
    availability: 'playable',
    revision: 1,
    timings: { uploadedAt: null, playableAt: AT, completeAt: null, upgradedAt: null },
  });
});

test('whoever writes the document takes it over, and from then on the document alone counts', async () => {
  const seen = await assets.read('a_1');
  await assets.write({ ...(seen ?? hostedAsset()), state: 'processing', durationMs: 1 });
  expect(await assets.read('a_1')).toMatchObject({ state: 'processing', availability: 'playable', durationMs: 1 });
});

test('a document that was written without having seen it is seen with it all the same', async () => {
  await assets.write(hostedAsset({ ...nothingYet, state: 'processing' }));
  expect(await assets.read('a_1')).toMatchObject({ state: 'processing', availability: 'playable', renditions });
});

test('a failed asset has none', async () => {
  await assets.write(hostedAsset({ ...nothingYet, state: 'failed' }));
  expect(await assets.read('a_1')).toMatchObject({ availability: 'none', renditions: [] });
});
