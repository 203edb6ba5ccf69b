import { LRUCache } from 'lru-cache';

/** Events per second, sustained, and how many may come at once after a silence. */
export type Rate = { perSecond: number; burst: number };

type Bucket = { tokens: number; atMs: number };

const REMEMBERED_KEYS = 50_000;

/** Token buckets by key, bounded: the least recently seen key is forgotten, and starts anew with a full bucket. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #buckets = new LRUCache<string, Bucket>({ max: REMEMBERED_KEYS });

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes one token of `key`; false when there is none left at `nowMs`. */
  take(key: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#buckets.set(key, { tokens: burst - 1, atMs: nowMs });
      return true;
    }
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
