import { type JobsOptions, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { MAX_TRIES } from './classify-failure.ts';
import {
  type AssetJob,
  type AssetQueueName,
  type LearnRequest,
  type LearnResult,
  QUEUES,
  type QueueName,
} from './job-payloads.ts';
import { LAST_PRIORITY, ownerPriority, type QueuedAsset } from './owner-priority.ts';

/** Keys of every queue begin with this; tests use their own. */
export const DEFAULT_PREFIX = 'nara';

/** Where the queues are. */
export type QueueConnection = { redisUrl: string; prefix?: string; log: Logger };

export type Queues = {
  early: Queue<AssetJob>;
  'fast-lane': Queue<AssetJob>;
  encode: Queue<AssetJob>;
  upgrade: Queue<AssetJob>;
  previews: Queue<AssetJob>;
  learn: Queue<LearnRequest, LearnResult>;
  priorityOf(asset: QueuedAsset): Promise<number>;
};

const KEPT_TRYING: JobsOptions = {
  attempts: MAX_TRIES,
  backoff: { type: 'exponential', delay: 2_000 },
  // The asset's document says how it went; a finished job in the way would keep the stage from being queued again.
  removeOnComplete: true,
  removeOnFail: true,
};

const MAX_RECONNECT_MS = 1_000;

/** A connection as BullMQ wants it: waits for Redis rather than failing, and reconnects for ever. */
export function connectForQueues(connection: QueueConnection): Redis {
  const redis = new Redis(connection.redisUrl, {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 100, MAX_RECONNECT_MS),
  });
  redis.on('error', (error) => connection.log.debug({ err: error }, 'Redis is away'));
  return redis;
}

/** The producing side of all queues over one connection; close each with `closeQueues`. */
export function openQueues(redis: Redis, { prefix = DEFAULT_PREFIX, log }: QueueConnection): Queues {
  const open = <T, R>(name: QueueName): Queue<T, R> => {
    const queue = new Queue<T, R>(name, { connection: redis, prefix });
    queue.on('error', (error) => log.debug({ err: error, queue: name }, 'queue is away'));
    return queue as Queue<T, R>;
  };
  return {
    early: open('early'),
    'fast-lane': open('fast-lane'),
    encode: open('encode'),
    upgrade: open('upgrade'),
    previews: open('previews'),
    learn: open('learn'),
    priorityOf: (asset) => ownerPriority(redis, prefix, asset),
  };
}

/** Lets go of the queues; what waits in them stays. */
export async function closeQueues(queues: Queues): Promise<void> {
  await Promise.allSettled(QUEUES.map((name) => queues[name].close()));
}

/** Queues an asset's stage behind owners who upload less; a job that is there already stays as it is. */
export async function addAssetJob(queues: Queues, stage: AssetQueueName, asset: QueuedAsset): Promise<void> {
  const place = { jobId: jobIdOf(stage, asset.id), priority: await queues.priorityOf(asset) };
  await queues[stage].add(stage, { assetId: asset.id }, { ...KEPT_TRYING, ...place });
}

/**
 * Queues chunks of a long source, each a place behind the one before it: whoever comes meanwhile goes in between, and long sources
 * take turns. Chunks that are there already stay as they are.
 */
export async function addChunkJobs(
  queues: Queues,
  asset: QueuedAsset,
  { planId, chunks }: { planId: string; chunks: readonly number[] },
): Promise<void> {
  const first = await queues.priorityOf(asset);
  await queues.encode.addBulk(
    chunks.map((index) => ({
      name: 'chunk',
      data: { assetId: asset.id, chunk: { planId, index } },
      opts: {
        ...KEPT_TRYING,
        jobId: `chunk-${asset.id}-${planId}-${index}`,
        priority: Math.min(LAST_PRIORITY, first + index),
      },
    })),
  );
}

/** One job per stage and asset. */
export const jobIdOf = (stage: AssetQueueName, assetId: string): string => `${stage}-${assetId}`;
