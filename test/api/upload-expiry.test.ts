import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { composeAssets } from '../../src/commands/compose-assets.ts';
import { AssetCatalog } from '../../src/delivery/asset-catalog.ts';
import { type Announcement, UNKNOWN_CONTEXT } from '../../src/domain/index.ts';
import { createAssetStore } from '../../src/media/asset-store.ts';
import { openMediaStore } from '../../src/media/open-media-store.ts';

const CREATED_MS = Date.parse('2026-01-01T00:00:00Z');
const DAY_MS = 24 * 3_600_000;

let directory: string;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-expiry-'));
  await mkdir(join(directory, 'uploads'));
  nowMs = CREATED_MS;
});
afterEach(() => rm(directory, { recursive: true }));

function compose() {
  const media = openMediaStore(directory);
  const store = createAssetStore(media);
  const announced: Announcement[] = [];
  const ended: unknown[] = [];
  let abandoned = 0;
  const assets = composeAssets({
    assets: store,
    catalog: new AssetCatalog((assetId) => store.read(assetId)),
    announce: async (announcement) => void announced.push(announcement),
    enqueue: async () => {},
    onUploadFinished: () => {},
    onRetried: () => {},
    onUploadAbandoned: () => {
      abandoned += 1;
    },
    endUpload: async (uploadId, about) => void ended.push([uploadId, about]),
    uploadsDirectory: join(directory, 'uploads'),
    store: media,
    clock: { nowMs: () => nowMs },
  });
  return { ...assets, store, announced, ended, abandonedCount: () => abandoned };
}

/** An upload of 10 bytes, so many of which are there since `writtenMs`. */
async function upload({ forUploads }: ReturnType<typeof compose>, id: string, bytes: number, writtenMs = CREATED_MS) {
  const path = join(directory, 'uploads', `u_${id}`);
  await forUploads.createAsset({
    id,
    owner: 'ann',
    filename: 'clip.mp4',
    context: UNKNOWN_CONTEXT,
    uploadKey: `uploads/u_${id}`,
  });
  await writeFile(path, 'x'.repeat(bytes));
  await writeFile(`${path}.json`, JSON.stringify({ id: `u_${id}`, size: 10 }));
  await writeFile(`${path}.unverified`, '0\n');
  await utimes(path, writtenMs / 1000, writtenMs / 1000);
}

describe('an abandoned upload', () => {
  it('is removed with its asset once a day has passed, and not before', async () => {
    const assets = compose();
    await upload(assets, 'a_1', 3);
    nowMs = CREATED_MS + DAY_MS;
    expect(await assets.expireAbandoned()).toBe(0);
    expect(await assets.store.list()).toEqual(['a_1']);

    nowMs += 1;
    expect(await assets.expireAbandoned()).toBe(1);
    expect(await assets.store.list()).toEqual([]);
    expect(await readdir(join(directory, 'uploads'))).toEqual([]);
    expect(assets.announced.at(-1)).toEqual({ type: 'asset.deleted', assetId: 'a_1' });
    expect(assets.abandonedCount()).toBe(1);
    expect(assets.ended).toEqual([['u_a_1', { assetId: 'a_1', stated: UNKNOWN_CONTEXT }]]);
    expect(await assets.expireAbandoned()).toBe(0);
  });

  it('is removed too when it never got a file', async () => {
    const assets = compose();
    await upload(assets, 'a_1', 0);
    await rm(join(directory, 'uploads'), { recursive: true });
    nowMs += DAY_MS + 1;
    expect(await assets.expireAbandoned()).toBe(1);
  });
});

describe('an asset that is deleted', () => {
  it('ends its upload while it is uploading, and not afterwards', async () => {
    const assets = compose();
    await upload(assets, 'a_1', 3);
    await upload(assets, 'a_2', 10);
    await assets.forUploads.finishUpload('a_2', { bytes: 10, elapsedMs: 1, resumes: 0 });
    for (const id of ['a_1', 'a_2', 'a_never']) await assets.forAssets.remove(id);
    expect(await assets.store.list()).toEqual([]);
    expect(assets.ended).toEqual([['u_a_1', { assetId: 'a_1', stated: UNKNOWN_CONTEXT }]]);
  });
});

describe('an old upload stays', () => {
  it('when it is finished, whether or not its document says so yet', async () => {
    const assets = compose();
    await upload(assets, 'a_finished', 10);
    await assets.forUploads.finishUpload('a_finished', { bytes: 10, elapsedMs: 1, resumes: 0 });
    await upload(assets, 'a_whole', 10);
    nowMs += DAY_MS + 1;
    expect(await assets.expireAbandoned()).toBe(0);
    expect(await assets.store.list()).toEqual(['a_finished', 'a_whole']);
  });

  it('while its last chunk is still arriving', async () => {
    const assets = compose();
    await upload(assets, 'a_1', 3, CREATED_MS + DAY_MS);
    nowMs += DAY_MS + 60_000;
    expect(await assets.expireAbandoned()).toBe(0);
    nowMs += 10 * 60_000;
    expect(await assets.expireAbandoned()).toBe(1);
  });

  it('when its document cannot be read, and does not keep the others', async () => {
    const assets = compose();
    await upload(assets, 'a_broken', 3);
    await upload(assets, 'a_other', 3);
    await writeFile(join(directory, 'assets/a_broken/asset.json'), '{');
    nowMs += DAY_MS + 1;
    expect(await assets.expireAbandoned()).toBe(1);
    expect(await assets.store.list()).toEqual(['a_broken']);
  });
});
