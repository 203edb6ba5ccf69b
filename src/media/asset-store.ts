import { z } from 'zod';
import { type AssetDocument, assetDocumentSchema } from '../domain/asset.ts';
import { earlyTracksSchema, mayHaveEarlyTracks, withEarlyTracks } from './early-tracks.ts';
import { MediaError } from './media-error.ts';
import type { MediaStore } from './media-store.ts';
import { mayHavePreviews, readPreviews } from './previews/previews-document.ts';

/** `asset.json` documents in the media store. Deletion wins: after `remove`, no late `write` brings an asset back. */
export type AssetStore = {
  /** Null when there is no such asset; throws `invalid-document` when its document is not one. */
  read(assetId: string): Promise<AssetDocument | null>;
  /** False when the asset exists already. */
  create(asset: AssetDocument): Promise<boolean>;
  /** False when the asset was removed meanwhile: nothing is left of it then. */
  write(asset: AssetDocument): Promise<boolean>;
  /** Ids of all assets, sorted. */
  list(): Promise<string[]>;
  /** Removes the document, renditions and poster; the raw upload is the caller's. */
  remove(assetId: string): Promise<void>;
};

type DocumentFiles = Pick<MediaStore, 'read' | 'write' | 'createExclusive' | 'list' | 'remove' | 'size'>;

/** `assets/ID`, below which everything of an asset lives. */
export const assetPrefix = (assetId: string): string => `assets/${assetId}`;

/** What was made of an asset's upload while it was still arriving; there until that upload was judged. */
export const earlyTracksKey = (assetId: string): string => `${assetPrefix(assetId)}/early.json`;

const documentKey = (assetId: string): string => `${assetPrefix(assetId)}/asset.json`;

// Written before anything is removed and read after anything is written, so one of the two always sees the other.
const tombstoneKey = (assetId: string): string => `removed-assets/${assetId}`;

/** Asset documents over any media store. */
export function createAssetStore(store: DocumentFiles): AssetStore {
  return {
    async read(assetId) {
      const bytes = await store.read(documentKey(assetId));
      if (!bytes) return null;
      const asset = parseDocument(assetId, bytes);
      const early = mayHaveEarlyTracks(asset) ? await store.read(earlyTracksKey(assetId)) : null;
      if (early) return withEarlyTracks(asset, earlyTracksSchema.parse(JSON.parse(early.toString('utf8'))));
      const previews = mayHavePreviews(asset) ? await readPreviews(store, assetId) : null;
      return previews ? { ...asset, previews } : asset;
    },
    async create(asset) {
      // An external asset may come back under an id that was deleted before; ids we mint never do.
      await store.remove(tombstoneKey(asset.id));
      return store.createExclusive(documentKey(asset.id), serialize(asset));
    },
    async write(asset) {
      await store.write(documentKey(asset.id), serialize(asset));
      if ((await store.size(tombstoneKey(asset.id))) === null) return true;
      await store.remove(assetPrefix(asset.id));
      return false;
    },
    async list() {
      const keys = await store.list('assets');
      return keys.map((key) => key.slice('assets/'.length).replace(/\/$/, ''));
    },
    async remove(assetId) {
      await store.createExclusive(tombstoneKey(assetId), new Date().toISOString());
      await store.remove(assetPrefix(assetId));
    },
  };
}

function serialize(asset: AssetDocument): string {
  return `${JSON.stringify(assetDocumentSchema.parse(asset), null, 2)}\n`;
}

function parseDocument(assetId: string, bytes: Buffer): AssetDocument {
  try {
    return assetDocumentSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new MediaError('invalid-document', `asset.json of ${assetId} is not an asset document: ${why}`, { cause });
  }
}
