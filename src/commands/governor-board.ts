import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { GovernorStatus } from '../workers/governor/governor.ts';

const KEY = 'nara:governors';
const POST_EVERY_MS = 2_000;
/** A worker that has said nothing for this long is no more. */
const STALE_AFTER_MS = 10_000;

const postSchema = z.object({
  atMs: z.number(),
  level: z.number(),
  reason: z.string().nullable(),
  own: z.number(),
  others: z.number(),
  running: z.int(),
  waiting: z.int(),
  pausedSeconds: z.number(),
});

/** What a worker said last about its encoders. */
export type PostedStatus = GovernorStatus & { worker: string };

/** Puts a worker's status where the API's metrics find it, again and again; answers how to end that. */
export function postGovernorStatus(redis: Redis, read: () => GovernorStatus): () => void {
  const worker = `${hostname()}-${process.pid}`;
  const post = (): void => {
    redis.hset(KEY, worker, JSON.stringify({ atMs: Date.now(), ...read() })).catch(() => undefined);
  };
  const timer = setInterval(post, POST_EVERY_MS);
  return () => {
    clearInterval(timer);
    redis.hdel(KEY, worker).catch(() => undefined);
  };
}

/** The workers that are alive; forgets the others. */
export async function readGovernorStatuses(redis: Redis, nowMs: number): Promise<PostedStatus[]> {
  const posts = Object.entries(await redis.hgetall(KEY)).map(([worker, text]) => ({ worker, post: parse(text) }));
  const fresh = posts.flatMap(({ worker, post }) => {
    if (post === null || nowMs - post.atMs > STALE_AFTER_MS) return [];
    const { atMs: _, ...status } = post;
    return [{ worker, ...status }];
  });
  const gone = posts.map(({ worker }) => worker).filter((name) => !fresh.some(({ worker }) => worker === name));
  if (gone.length > 0) await redis.hdel(KEY, ...gone);
  return fresh;
}

function parse(text: string): z.infer<typeof postSchema> | null {
  try {
    return postSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
