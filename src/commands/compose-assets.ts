import { basename } from 'node:path';
import type { AssetPorts, RetryRequest } from '../api/routes/asset-routes.ts';
import type { UploadPorts } from '../api/routes/upload-routes.ts';
import type { UploadAbout } from '../api/uploads/describe-upload.ts';
import { UPLOADS_EXPIRE_AFTER_MS } from '../api/uploads/tus-server.ts';
import { readUploadProgress, removeUploadFiles } from '../api/uploads/upload-files.ts';
import type { AssetCatalog } from '../delivery/asset-catalog.ts';
import { AssetIndex } from '../delivery/asset-index.ts';
import { isSameExternal, toExternalDocument } from '../delivery/external-asset.ts';
import type { Announcement, AssetDocument, Clock } from '../domain/index.ts';
import type { AssetStore } from '../media/asset-store.ts';
import type { LandingStore } from '../media/landing-store.ts';

type Ports = {
  assets: AssetStore;
  catalog: AssetCatalog;
  /** Tells the others; nobody waits for it. */
  announce(announcement: Announcement): void;
  /** Puts a finished upload in the queue; may reject while Redis is away, reconciliation mends it. */
  enqueue(asset: AssetDocument): Promise<void>;
  onUploadFinished(kbps: number | null): void;
  onUploadAbandoned(): void;
  /** Somebody asked for a failed asset to be tried again. */
  onRetried(retry: { assetId: string; error: string } & RetryRequest): void;
  /** Reports that an upload will never be finished; the one that was taken back by its uploader is reported already. */
  endUpload(uploadId: string, about: UploadAbout): Promise<void>;
  uploadsDirectory: string;
  /** Where whole uploads go from there, and are removed from. */
  store: Pick<LandingStore, 'land' | 'release' | 'remove'>;
  clock: Clock;
};

/** A chunk that began in time may end late: a file written this recently is still being received. */
const RECEIVING_FOR_MS = 10 * 60_000;

/** Assets as the API writes them: made at upload creation, handed over to the workers with the last byte. */
export function composeAssets(ports: Ports) {
  const { assets, catalog, announce, clock } = ports;
  const index = new AssetIndex({ listIds: () => assets.list(), read: (assetId) => catalog.get(assetId) });

  function changed(assetId: string): void {
    catalog.forget(assetId);
    announce({ type: 'asset.changed', assetId });
  }

  async function endUpload({ id, state, uploadKey, context }: AssetDocument): Promise<void> {
    if (state === 'uploading' && uploadKey !== null)
      await ports.endUpload(basename(uploadKey), { assetId: id, stated: context });
  }

  async function remove(assetId: string): Promise<boolean> {
    const document = await assets.read(assetId);
    if (document === null) return false;
    await assets.remove(assetId);
    if (document.uploadKey !== null) {
      await removeUploadFiles(ports.uploadsDirectory, document.uploadKey);
      await removeLanded(document.uploadKey);
    }
    catalog.forget(assetId);
    announce({ type: 'asset.deleted', assetId });
    return true;
  }

  async function removeLanded(uploadKey: string): Promise<void> {
    for (const key of [uploadKey, `${uploadKey}.json`]) await ports.store.remove(key);
  }

  async function endAndRemove(assetId: string): Promise<boolean> {
    const document = await assets.read(assetId);
    if (document !== null) await endUpload(document);
    return remove(assetId);
  }

  const forUploads: Pick<UploadPorts, 'createAsset' | 'finishUpload' | 'abandonUpload'> = {
    async createAsset(described) {
      await assets.create(newDocument(described, clock.nowMs()));
      changed(described.id);
    },
    async finishUpload(assetId, measured) {
      const uploadKey = (await assets.read(assetId))?.uploadKey ?? null;
      if (uploadKey !== null) await ports.store.land(uploadKey);
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
      changed(assetId);
      ports.enqueue(document).catch(() => {});
    },
    async abandonUpload(assetId) {
      if (await remove(assetId)) ports.onUploadAbandoned();
    },
  };

  const forAssets: Omit<AssetPorts, 'checkKey'> = {
    read: (assetId) => assets.read(assetId),
    list: (query) => index.page(query),
    remove: endAndRemove,
    async retry(assetId, by) {
      const document = await assets.read(assetId);
      if (document === null) return { kind: 'unknown-asset' };
      const { error, ...asset } = document;
      if (error === undefined) return { kind: 'not-failed' };
      const isComplete = asset.availability === 'complete' || asset.availability === 'upgraded';
      const retried: AssetDocument = { ...asset, state: isComplete ? 'ready' : 'processing' };
      if (!(await assets.write(retried))) return { kind: 'unknown-asset' };
      ports.onRetried({ assetId, error: error.code, ...by });
      changed(assetId);
      // What is complete has failed to be upgraded: the next look at the library decides whether it is worth another try.
      if (!isComplete) ports.enqueue(retried).catch(() => {});
      return { kind: 'queued', asset: retried };
    },
    async addExternal(offered) {
      const document = toExternalDocument(offered, clock.nowMs());
      if (await assets.create(document)) {
        changed(document.id);
        return { kind: 'created', asset: document };
      }
      const stored = await assets.read(offered.id);
      if (stored === null) return { kind: 'different', asset: document };
      return { kind: isSameExternal(stored, offered) ? 'identical' : 'different', asset: stored };
    },
  };

  // A document leaves `uploading` once and never returns, so each is read until then and no longer.
  let uploadedIds = new Set<string>();

  /** Sends on what a process that died left whole. */
  async function settleLanding(document: AssetDocument): Promise<void> {
    if (document.uploadKey === null) return;
    const progress = await readUploadProgress(ports.uploadsDirectory, document.uploadKey);
    if (progress === null || clock.nowMs() - progress.writtenAtMs <= RECEIVING_FOR_MS) return;
    if (progress.isWhole) await ports.store.land(document.uploadKey);
  }

  /** Removes uploads that were not finished in time, with their assets, and answers how many. A broken document stays. */
  async function expireAbandoned(): Promise<number> {
    const uploadedNow = new Set<string>();
    let removed = 0;
    for (const assetId of await assets.list()) {
      const document = uploadedIds.has(assetId) ? 'uploaded' : await assets.read(assetId).catch(() => null);
      if (document === 'uploaded' || (document !== null && document.state !== 'uploading')) uploadedNow.add(assetId);
      else if (document !== null && (await isAbandoned(document, ports.uploadsDirectory, clock.nowMs()))) {
        await endUpload(document);
        await forUploads.abandonUpload(assetId);
        removed += 1;
      } else if (document !== null) await settleLanding(document);
    }
    await ports.store.release(clock.nowMs());
    uploadedIds = uploadedNow;
    return removed;
  }

  return { forUploads, forAssets, expireAbandoned, idsOf: (owner: string) => index.idsOf(owner) };
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

/** A whole upload is never abandoned: it waits for reconciliation to queue it. */
async function isAbandoned(document: AssetDocument, directory: string, nowMs: number): Promise<boolean> {
  if (nowMs - Date.parse(document.createdAt) <= UPLOADS_EXPIRE_AFTER_MS) return false;
  if (document.uploadKey === null) return true;
  const progress = await readUploadProgress(directory, document.uploadKey);
  return progress === null || (!progress.isWhole && nowMs - progress.writtenAtMs > RECEIVING_FOR_MS);
}
