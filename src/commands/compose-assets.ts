import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AssetPorts } from '../api/routes/asset-routes.ts';
import type { UploadPorts } from '../api/routes/upload-routes.ts';
import type { AssetCatalog } from '../delivery/asset-catalog.ts';
import { AssetIndex } from '../delivery/asset-index.ts';
import { isSameExternal, toExternalDocument } from '../delivery/external-asset.ts';
import type { Announcement, AssetDocument, Clock } from '../domain/index.ts';
import type { AssetStore } from '../media/asset-store.ts';

type Ports = {
  assets: AssetStore;
  catalog: AssetCatalog;
  announce(announcement: Announcement): Promise<void>;
  /** Puts a finished upload in the queue; may reject while Redis is away, reconciliation mends it. */
  enqueue(assetId: string): Promise<void>;
  onUploadFinished(kbps: number | null): void;
  onUploadAbandoned(): void;
  uploadsDirectory: string;
  clock: Clock;
};

/** Assets as the API writes them: made at upload creation, handed over to the workers with the last byte. */
export function composeAssets(ports: Ports) {
  const { assets, catalog, announce, clock } = ports;
  const index = new AssetIndex({ listIds: () => assets.list(), read: (assetId) => catalog.get(assetId) });

  async function changed(assetId: string): Promise<void> {
    catalog.forget(assetId);
    await announce({ type: 'asset.changed', assetId });
  }

  async function remove(assetId: string): Promise<boolean> {
    const document = await assets.read(assetId);
    if (document === null) return false;
    await assets.remove(assetId);
    if (document.uploadKey !== null) await removeUpload(ports.uploadsDirectory, document.uploadKey);
    catalog.forget(assetId);
    await announce({ type: 'asset.deleted', assetId });
    return true;
  }

  const forUploads: Pick<UploadPorts, 'createAsset' | 'finishUpload' | 'abandonUpload'> = {
    async createAsset(described) {
      await assets.create(newDocument(described, clock.nowMs()));
      await changed(described.id);
    },
    async finishUpload(assetId, measured) {
      const document = await assets.read(assetId);
      if (document === null || document.state !== 'uploading') return;
      const uploadedAt = new Date(clock.nowMs()).toISOString();
      await assets.write({
        ...document,
        state: 'processing',
        upload: measured,
        timings: { ...document.timings, uploadedAt },
      });
      ports.onUploadFinished(measured.elapsedMs > 0 ? (measured.bytes * 8) / measured.elapsedMs : null);
      await changed(assetId);
      await ports.enqueue(assetId).catch(() => {});
    },
    async abandonUpload(assetId) {
      if (await remove(assetId)) ports.onUploadAbandoned();
    },
  };

  const forAssets: Omit<AssetPorts, 'checkKey'> = {
    read: (assetId) => assets.read(assetId),
    list: (query) => index.page(query),
    remove,
    async addExternal(offered) {
      const document = toExternalDocument(offered, clock.nowMs());
      if (await assets.create(document)) {
        await changed(document.id);
        return { kind: 'created', asset: document };
      }
      const stored = await assets.read(offered.id);
      if (stored === null) return { kind: 'different', asset: document };
      return { kind: isSameExternal(stored, offered) ? 'identical' : 'different', asset: stored };
    },
  };

  return { forUploads, forAssets };
}

function newDocument(described: Parameters<UploadPorts['createAsset']>[0], nowMs: number): AssetDocument {
  return {
    ...described,
    kind: 'hosted',
    createdAt: new Date(nowMs).toISOString(),
    durationMs: 0,
    source: null,
    state: 'uploading',
    availability: 'none',
    revision: 0,
    timings: { uploadedAt: null, playableAt: null, completeAt: null, upgradedAt: null },
    complexityScale: 1,
    plan: null,
    renditions: [],
    audio: null,
    previews: { thumbhash: null, poster: null, clip: null, storyboard: null },
    upload: null,
  };
}

async function removeUpload(directory: string, uploadKey: string): Promise<void> {
  const name = uploadKey.split('/').at(-1);
  if (name === undefined) return;
  await rm(join(directory, name), { force: true });
  await rm(join(directory, `${name}.json`), { force: true });
}
