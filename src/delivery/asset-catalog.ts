import { LRUCache } from 'lru-cache';
import type { AssetDocument } from '../domain/index.ts';

const CACHED_ASSETS = 5_000;
/** Without an announcement (Redis away) a change is seen this late. */
const MAX_AGE_MS = 1_500;

/** Asset documents as this process last saw them; the media store stays the truth. */
export class AssetCatalog {
  readonly #read: (assetId: string) => Promise<AssetDocument | null>;
  readonly #cache = new LRUCache<string, { reading: Promise<AssetDocument | null> }>({
    max: CACHED_ASSETS,
    ttl: MAX_AGE_MS,
  });

  constructor(read: (assetId: string) => Promise<AssetDocument | null>) {
    this.#read = read;
  }

  /** The asset, or null when there is none. Concurrent readers share one read. */
  async get(assetId: string): Promise<AssetDocument | null> {
    const cached = this.#cache.get(assetId);
    if (cached !== undefined) return cached.reading;
    const reading = this.#read(assetId);
    this.#cache.set(assetId, { reading });
    reading.catch(() => this.#cache.delete(assetId));
    return reading;
  }

  /** The asset has changed: the next reader sees it anew. */
  forget(assetId: string): void {
    this.#cache.delete(assetId);
  }
}
