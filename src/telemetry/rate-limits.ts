import { LRUCache } from 'lru-cache';

/** Events per second, sustained, and how many may come at once after a silence. */
export type Rate = { perSecond: number; burst: number };

type Bucket = { tokens: number; atMs: number };

const REMEMBERED_KEYS = 50_000;

/** Token buckets by key, bounded: the least recently seen key is forgotten, and starts anew with a full bucket. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #buckets = new LRUCache<string, Bucket>({ max: REMEMBERED_KEYS });
  // A batch is mostly of one view and one block: they need not be looked up for each event.
  #last: { key: string; bucket: Bucket } | null = null;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes one token of `key`; false when there is none left at `nowMs`. */
  take(key: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#bucketOf(key, nowMs);
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    if (this.#last?.key === key) return this.#last.bucket;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = { tokens: this.#rate.burst, atMs: nowMs };
      this.#buckets.set(key, bucket);
    }
    this.#last = { key, bucket };
    return bucket;
  }
}
