import type { Redis } from 'ioredis';
import type { AssetDocument } from '../domain/asset.ts';

/** Whose job it is, and since when it has been wanted. */
export type QueuedAsset = Pick<AssetDocument, 'id' | 'owner' | 'createdAt'>;

/** Uploads this recent count against an owner's next one. */
const WINDOW_MS = 7 * 24 * 3_600_000;
/** The furthest back BullMQ can put a job. */
export const LAST_PRIORITY = 2 ** 21;

/** An owner's place in line is behind everybody's who has uploaded less lately: 1 is the first. */
export const priorityAfter = (earlierUploads: number): number => Math.min(LAST_PRIORITY, 1 + earlierUploads);

/**
 * The priority of an asset's jobs: one behind for each upload of its owner in the week before it. The same whenever it is asked,
 * as long as Redis remembers; what it forgets is told again with each asset that reconciliation sees.
 */
export async function ownerPriority(
  redis: Pick<Redis, 'zadd' | 'zcount' | 'zremrangebyscore' | 'pexpire'>,
  prefix: string,
  asset: QueuedAsset,
): Promise<number> {
  const key = `${prefix}:uploads:${asset.owner}`;
  const atMs = Date.parse(asset.createdAt);
  // One round trip: ioredis sends these together and Redis answers them in order.
  const [, earlier] = await Promise.all([
    redis.zadd(key, atMs, asset.id),
    redis.zcount(key, atMs - WINDOW_MS, `(${atMs}`),
    redis.zremrangebyscore(key, '-inf', atMs - 2 * WINDOW_MS),
    redis.pexpire(key, WINDOW_MS),
  ]);
  return priorityAfter(earlier);
}
