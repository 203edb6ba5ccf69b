import type { Redis } from 'ioredis';
import type { SharedDecisions } from './standing-decisions.ts';

const SINCE_KEY = 'decisions:complete-since';
/** Keys looked at in one step: Redis serves others in between. */
const SCAN_COUNT = 1_000;

/**
 * Standing decisions in Redis. The time since which its keyspace is complete is kept in Redis itself: wiping Redis wipes
 * it too, and ClickHouse is asked again until a day has passed.
 */
export function createRedisDecisions(redis: Redis, prefix: string, nowMs: () => number): SharedDecisions {
  return {
    read: async (keys) => {
      const pipeline = redis
        .pipeline()
        .set(`${prefix}${SINCE_KEY}`, String(nowMs()), 'NX')
        .get(`${prefix}${SINCE_KEY}`);
      const answers = await execute(pipeline.mget(keys.map((key) => `${prefix}decision:${key}`)));
      return { completeSinceMs: Number(answers[1]), values: answers[2] as (string | null)[] };
    },
    claim: async (entries) => {
      const pipeline = redis.pipeline();
      for (const { key, value, ttlMs } of entries)
        pipeline.set(`${prefix}decision:${key}`, value, 'PX', ttlMs, 'NX', 'GET');
      return (await execute(pipeline)) as (string | null)[];
    },
    forget: async (whose) => {
      // Neither kind of id can hold a character that means something in a pattern.
      const pattern = 'sessionId' in whose ? `${whose.sessionId}\n*` : `*\n${whose.assetId}\n*`;
      let cursor = '0';
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}decision:${pattern}`, 'COUNT', SCAN_COUNT);
        if (keys.length > 0) await redis.unlink(...keys);
        cursor = next;
      } while (cursor !== '0');
    },
  };
}

async function execute(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
