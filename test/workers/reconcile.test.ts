import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AssetDocument } from '../../src/domain/asset.ts';
import { createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { markDone } from '../../src/media/finished-tracks.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { writePreviews } from '../../src/media/previews/previews-document.ts';
import { createReconciler, neededStage } from '../../src/workers/reconcile.ts';
import { hostedAsset, rendition } from '../fixtures/assets.ts';

const fresh: Partial<AssetDocument> = { state: 'processing', availability: 'none', renditions: [] };
const playable: Partial<AssetDocument> = { state: 'processing', availability: 'playable' };
const error = { code: 'x', message: 'x', action: 'x' };

test.each<[string, Partial<AssetDocument>, boolean, string | null]>([
  ['uploaded', fresh, false, 'fast-lane'],
  ['playable, its low rung whole', playable, true, 'encode'],
  ['playable, its low rung cut short', playable, false, 'fast-lane'],
  ['ready but never completed', { state: 'ready', availability: 'playable' }, true, 'encode'],
  ['playable with an error written down', { state: 'ready', availability: 'playable', error }, true, null],
  ['complete', {}, true, null],
  ['upgraded', { availability: 'upgraded' }, true, null],
  ['failed', { state: 'failed', availability: 'none', error }, false, null],
  ['uploading', { state: 'uploading', availability: 'none' }, false, null],
  ['external', { kind: 'external', uploadKey: null, availability: 'none', state: 'processing' }, false, null],
])('an asset that is %s needs %j', (_, change, tracksDone, stage) => {
  expect(neededStage(hostedAsset(change), tracksDone)).toBe(stage);
});

let root: string;
let store: MediaStore;
let queued: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-reconcile-'));
  store = createDirectoryStore(root);
  queued = [];
});
afterEach(() => rm(root, { recursive: true }));

function reconciler() {
  const assets = createAssetStore(store);
  return createReconciler({
    assets,
    store,
    enqueue: async (stage, { id }) => {
      queued.push(`${stage} ${id}`);
    },
  });
}
const whole = { uri: 'seg-00000.m4s', durationMs: 2000, bytes: 7, keyframe: null };
const NO_PREVIEWS = hostedAsset().previews;
const put = (change: Partial<AssetDocument>) => createAssetStore(store).create(hostedAsset(change));

test('every asset that is not finished gets its job, at every pass, and no other asset does', async () => {
  const low = rendition({ id: 'low', bitrateKbps: 300, segments: [] });
  await put({ id: 'a_new', ...fresh });
  await put({ id: 'a_done' });
  await put({ id: 'a_cut', ...playable, renditions: [low] });
  await put({ id: 'a_whole', ...playable, renditions: [low] });
  await store.write('assets/a_whole/r/low/init.mp4', 'init');
  await store.write('assets/a_whole/r/low/seg-00000.m4s', 'segment');
  await markDone(store, 'a_whole', { bytes: 11, sha256: 'a'.repeat(64), segments: [whole], rendition: low });
  const reconcile = reconciler();
  await writePreviews(store, 'a_done', NO_PREVIEWS);
  const all = ['fast-lane a_cut', 'fast-lane a_new', 'encode a_whole', 'previews a_whole'];
  expect(await reconcile.pass()).toEqual({ queued: 4, unreadable: [] });
  expect(queued).toEqual(all);
  await reconcile.pass();
  expect(queued).toEqual([...all, ...all]);
});

test('what plays and has never been given anything to show gets its previews made, once that is settled no more', async () => {
  await put({ id: 'a_bare' });
  await put({ id: 'a_failed', ...fresh, state: 'failed' });
  await put({ id: 'a_beside', ...playable, state: 'ready', error: { code: 'x', message: 'x', action: 'x' } });
  expect(await reconciler().pass()).toMatchObject({ queued: 2 });
  expect(queued).toEqual(['previews a_bare', 'previews a_beside']);
  for (const id of ['a_bare', 'a_beside']) await writePreviews(store, id, NO_PREVIEWS);
  expect(await reconciler().pass()).toMatchObject({ queued: 0 });
});

test('a broken document is reported and does not keep the others from their jobs', async () => {
  await store.write('assets/a_0/asset.json', '{"half":');
  await put({ id: 'a_1', ...fresh });
  expect(await reconciler().pass()).toEqual({ queued: 1, unreadable: ['a_0'] });
});

test('an upload whose last byte arrived but was never handed over is queued at the second look', async () => {
  await put({ id: 'a_1', ...fresh, state: 'uploading', uploadKey: 'uploads/u1' });
  await store.write('uploads/u1.json', JSON.stringify({ id: 'u1', size: 5 }));
  await store.write('uploads/u1', '123');
  const reconcile = reconciler();
  await reconcile.pass();
  await reconcile.pass();
  expect(queued).toEqual([]);
  await store.write('uploads/u1', '12345');
  await reconcile.pass();
  expect(queued).toEqual([]);
  await reconcile.pass();
  expect(queued).toEqual(['fast-lane a_1']);
});

test('settled assets are not read at every pass', async () => {
  await put({ id: 'a_1' });
  const assets = createAssetStore(store);
  let reads = 0;
  const reconcile = createReconciler({
    assets: {
      list: assets.list,
      read: (assetId) => {
        reads += 1;
        return assets.read(assetId);
      },
    },
    store,
    enqueue: async () => {},
  });
  for (let pass = 0; pass < 61; pass += 1) await reconcile.pass();
  expect(reads).toBe(2);
});
