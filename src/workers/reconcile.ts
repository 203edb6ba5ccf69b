import { z } from 'zod';
import type { AssetDocument } from '../domain/asset.ts';
import { type AssetStore, earlyTracksKey } from '../media/asset-store.ts';
import { readDone } from '../media/finished-tracks.ts';
import type { MediaStore } from '../media/media-store.ts';
import { mayHavePreviews, readPreviews } from '../media/previews/previews-document.ts';
import type { AssetQueueName } from './job-payloads.ts';
import { isEncodable } from './open-source.ts';
import type { QueuedAsset } from './owner-priority.ts';

// Lifecycle: `createReconciler` holds what it learned of settled assets between passes; each `pass` reads the store and queues
// what is missing. Adding a job that is there already changes nothing, so passes of several workers may overlap.

export type ReconcilePorts = {
  assets: Pick<AssetStore, 'list' | 'read'>;
  store: Pick<MediaStore, 'read' | 'size'>;
  enqueue(stage: AssetQueueName, asset: QueuedAsset): Promise<void>;
};

/** Settled assets are looked at again only this seldom: a large library costs one directory listing a pass. */
const SETTLED_FOR_PASSES = 60;

export type Reconciler = {
  /** Queues every job that should exist; resolves to how many it asked for. One broken document does not stop the rest. */
  pass(): Promise<{ queued: number; unreadable: string[] }>;
};

/** Makes the queues match the media store, whatever was lost with Redis or never got there. */
export function createReconciler(ports: ReconcilePorts): Reconciler {
  const settledUntilPass = new Map<string, number>();
  let wholeUploads = new Set<string>();
  let passes = 0;

  /** An upload counts as whole when it was so a pass ago too: its last request may still be writing the document. */
  async function stageOf(asset: AssetDocument, wholeNow: Set<string>): Promise<AssetQueueName | null> {
    if (!isEncodable(asset)) return null;
    if (asset.state === 'uploading') {
      if (!(await isUploadWhole(ports.store, asset.uploadKey))) return null;
      wholeNow.add(asset.id);
      return wholeUploads.has(asset.id) ? 'fast-lane' : null;
    }
    return neededStage(asset, await areTracksDone(ports.store, asset));
  }

  return {
    async pass() {
      passes += 1;
      const wholeNow = new Set<string>();
      const unreadable: string[] = [];
      let queued = 0;
      for (const assetId of await ports.assets.list()) {
        if ((settledUntilPass.get(assetId) ?? 0) > passes) continue;
        const asset = await ports.assets.read(assetId).catch(() => undefined);
        if (asset === undefined) unreadable.push(assetId);
        if (!asset) continue;
        const stage = await stageOf(asset, wholeNow);
        const wanted: AssetQueueName[] = stage ? [stage] : [];
        if (stage !== 'fast-lane' && (await lacksPreviews(ports.store, asset))) wanted.push('previews');
        for (const job of wanted) await ports.enqueue(job, asset);
        queued += wanted.length;
        if (isSettled(asset)) settledUntilPass.set(assetId, passes + SETTLED_FOR_PASSES);
      }
      wholeUploads = wholeNow;
      return { queued, unreadable };
    },
  };
}

/** Which job a hosted, uploaded asset should have; null when it is done or its failure has been written down. */
export function neededStage(asset: AssetDocument, tracksDone: boolean): AssetQueueName | null {
  if (!isEncodable(asset) || asset.error || asset.state === 'uploading') return null;
  return asset.availability === 'playable' && tracksDone ? 'encode' : 'fast-lane';
}

async function lacksPreviews(store: ReconcilePorts['store'], asset: AssetDocument): Promise<boolean> {
  return asset.state !== 'uploading' && mayHavePreviews(asset) && (await readPreviews(store, asset.id)) === null;
}

const isSettled = (asset: AssetDocument): boolean => asset.state !== 'uploading' && neededStage(asset, true) === null;

async function areTracksDone(store: ReconcilePorts['store'], asset: AssetDocument): Promise<boolean> {
  // Made before the last byte: the fast lane has still to judge the upload.
  if ((await store.size(earlyTracksKey(asset.id))) !== null) return false;
  const tracks = [...asset.renditions, ...(asset.audio ? [asset.audio] : [])];
  const done = await Promise.all(tracks.map(({ id }) => readDone(store, asset.id, id)));
  return tracks.length > 0 && done.every((track) => track !== null);
}

/** What tus keeps beside an upload. */
const uploadInfoSchema = z.object({ size: z.int().positive() });

/** Whether every declared byte of an upload is there. */
async function isUploadWhole(store: ReconcilePorts['store'], uploadKey: string): Promise<boolean> {
  const [info, size] = await Promise.all([store.read(`${uploadKey}.json`), store.size(uploadKey)]);
  if (!info || size === null) return false;
  try {
    return uploadInfoSchema.parse(JSON.parse(info.toString('utf8'))).size === size;
  } catch {
    return false;
  }
}
