import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { composeAssets } from '../../src/commands/compose-assets.ts';
import { AssetCatalog } from '../../src/delivery/asset-catalog.ts';
import type { AssetDocument } from '../../src/domain/index.ts';
import { type AssetStore, createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { openMediaStore } from '../../src/media/open-media-store.ts';
import { hostedAsset } from '../fixtures/assets.ts';

const error = { code: 'no-resources', message: 'x', action: 'x' };
let root: string;
let store: AssetStore;
let calls: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-retry-'));
  store = createAssetStore(createDirectoryStore(root));
  calls = [];
});
afterEach(() => rm(root, { recursive: true }));

async function retry(asset: Partial<AssetDocument>) {
  await store.create(hostedAsset(asset));
  const { forAssets } = composeAssets({
    assets: store,
    catalog: new AssetCatalog((id) => store.read(id)),
    announce: ({ type }) => calls.push(type),
    enqueue: async ({ id }) => void calls.push(`queued ${id}`),
    onUploadFinished: () => {},
    onUploadAbandoned: () => {},
    onRetried: (retried) => calls.push(`${retried.actor} ${retried.error}`),
    endUpload: async () => {},
    uploadsDirectory: join(root, 'uploads'),
    store: openMediaStore(root),
    clock: { nowMs: () => 0 },
  });
  return forAssets.retry('a_1', { actor: 'ann', reason: 'more disk' });
}

it('clears what failed and queues it, for whoever asked', async () => {
  expect(await retry({ state: 'failed', availability: 'none', error })).toMatchObject({ kind: 'queued' });
  const asset = await store.read('a_1');
  expect(asset).toMatchObject({ state: 'processing', availability: 'none' });
  expect(asset).not.toHaveProperty('error');
  expect(calls).toEqual(['ann no-resources', 'asset.changed', 'queued a_1']);
});

it('completes what plays already but failed to get its other rungs', async () => {
  await retry({ state: 'ready', availability: 'playable', error });
  expect(await store.read('a_1')).toMatchObject({ state: 'processing', availability: 'playable' });
  expect(calls).toContain('queued a_1');
});

it('leaves a complete asset ready whose upgrade failed', async () => {
  await retry({ state: 'ready', availability: 'complete', error });
  expect(await store.read('a_1')).toMatchObject({ state: 'ready', availability: 'complete' });
  expect(calls).not.toContain('queued a_1');
});

it('changes nothing of an asset that has not failed', async () => {
  expect(await retry({})).toEqual({ kind: 'not-failed' });
  expect(calls).toEqual([]);
});
