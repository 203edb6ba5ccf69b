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

/** How encoding goes on a host; the slowest pace of its workers, and the sum of what they do. */
type HostStatus = { host: string; level: number; own: number; others: number; running: number; waiting: number };

/** Puts a worker's status where the API's metrics find it, again and again; answers how to end that. */
export function postGovernorStatus(redis: Redis, read: () => GovernorStatus): () => void {
  const worker = `${hostname()} ${process.pid}`;
  const post = (): void => {
    redis.hset(KEY, worker, JSON.stringify({ atMs: Date.now(), ...read() })).catch(() => undefined);
  };
  const timer = setInterval(post, POST_EVERY_MS);
  return () => {
    clearInterval(timer);
    redis.hdel(KEY, worker).catch(() => undefined);
  };
}

/** The hosts whose workers are alive; forgets the others. */
export async function readHostStatuses(redis: Redis, nowMs: number): Promise<HostStatus[]> {
  const hosts = new Map<string, HostStatus>();
  const gone: string[] = [];
  for (const [worker, text] of Object.entries(await redis.hgetall(KEY))) {
    const post = parse(text);
    const [host = ''] = worker.split(' ');
    if (post === null || nowMs - post.atMs > STALE_AFTER_MS) gone.push(worker);
    else hosts.set(host, add(hosts.get(host), { host, ...post }));
  }
  if (gone.length > 0) await redis.hdel(KEY, ...gone);
  return [...hosts.values()];
}

function add(one: HostStatus | undefined, { host, level, own, others, running, waiting }: HostStatus): HostStatus {
  return {
    host,
    level: Math.min(one?.level ?? 1, level),
    own: (one?.own ?? 0) + own,
    // To each worker, the encoders of the rest are others.
    others: Math.min(one?.others ?? 1, others),
    running: (one?.running ?? 0) + running,
    waiting: (one?.waiting ?? 0) + waiting,
  };
}

function parse(text: string): z.infer<typeof postSchema> | null {
  try {
    return postSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
