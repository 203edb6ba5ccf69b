import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AssetStore, createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore, sweepTemporaryFiles } from '../../src/media/directory-store.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { type CollectOptions, createCollector } from '../../src/workers/collect-garbage.ts';
import { hostedAsset, rendition } from '../fixtures/assets.ts';

const HOUR_MS = 3_600_000;

let root: string;
let store: MediaStore;
let assets: AssetStore;
let nowMs: number;
let busy: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-collect-'));
  store = createDirectoryStore(root);
  assets = createAssetStore(store);
  [nowMs, busy] = [Date.UTC(2026, 0, 10), []];
});
afterEach(() => rm(root, { recursive: true }));

function collector(options?: CollectOptions) {
  return createCollector(
    {
      assets,
      store,
      isBusy: async (assetId) => busy.includes(assetId),
      update: async (assetId, change) => {
        const current = await assets.read(assetId);
        if (current) await assets.write(change(current));
      },
      nowMs: () => nowMs,
    },
    options,
  );
}
const track = (id: string, assetId = 'a_1') => store.write(`assets/${assetId}/r/${id}/init.mp4`, 'x');
const low = rendition({ id: 'low', bitrateKbps: 300 });
const old = rendition({ id: 'old', bitrateKbps: 310 });

test('what an asset refers to is never collected, whatever else lies beside it', async () => {
  await assets.create(
    hostedAsset({ audio: { id: 'audio', codecs: 'mp4a.40.2', channels: 2, bitrateKbps: 128, bytes: 1 } }),
  );
  await store.write('uploads/secret', 'raw');
  await store.write('uploads/secret.json', '{}');
  for (const id of ['low', 'audio', 'half-made']) await track(id);
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual(['assets/a_1/r/half-made']);
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual([]);
  expect(await store.list('uploads')).toHaveLength(2);
});

test('an orphan is collected only once it has been one for as long as anybody may need to refer to it', async () => {
  await assets.create(hostedAsset());
  await track('half-made');
  await store.write('uploads/nobodys', 'raw');
  const patient = collector({ orphanGraceMs: HOUR_MS });
  expect(await patient.pass()).toEqual([]);
  nowMs += HOUR_MS / 2;
  expect(await patient.pass()).toEqual([]);
  nowMs += HOUR_MS / 2;
  expect(await patient.pass()).toEqual(['assets/a_1/r/half-made', 'uploads/nobodys']);
});

test('nothing of an asset is collected while a job works on it or it is not finished', async () => {
  await assets.create(hostedAsset());
  await assets.create(hostedAsset({ id: 'a_2', availability: 'playable', state: 'processing', uploadKey: null }));
  await track('half-made');
  await track('half-made', 'a_2');
  busy = ['a_1'];
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual([]);
});

test('what only an older revision offered stays until its last link has expired and its last player has ended', async () => {
  const retiredAt = new Date(nowMs).toISOString();
  await assets.create(hostedAsset({ renditions: [low], retired: [{ rendition: old, revision: 2, retiredAt }] }));
  await track('low');
  await track('old');
  nowMs += 24 * HOUR_MS;
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual([]);
  nowMs += 2 * HOUR_MS;
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual(['assets/a_1/r/old']);
  expect(await assets.read('a_1')).not.toHaveProperty('retired');
});

test('what a worker wrote for an asset that was deleted meanwhile is collected at once', async () => {
  await assets.create(hostedAsset());
  await assets.remove('a_1');
  await track('late');
  expect(await collector().pass()).toEqual(['assets/a_1']);
  nowMs += 365 * 24 * HOUR_MS;
  expect(await collector().pass()).toEqual(['removed-assets/a_1']);
});

test('no upload is collected while a document cannot be read: it may be the one it belongs to', async () => {
  await store.write('assets/a_broken/asset.json', 'not json');
  await store.write('uploads/secret', 'raw');
  expect(await collector({ orphanGraceMs: 0 }).pass()).toEqual([]);
});

test('what a killed writer left in the store is swept, what a writer is writing is not', async () => {
  await store.write('uploads/secret', 'raw');
  await writeFile(join(root, '.tmp', 'half-written'), 'x');
  expect(await sweepTemporaryFiles(root)).toBe(0);
  expect(await sweepTemporaryFiles(root, 0)).toBe(1);
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
});
