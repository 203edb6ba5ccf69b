import { type JobsOptions, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { MAX_TRIES } from './classify-failure.ts';
import type { AssetJob, AssetQueueName, LearnRequest, LearnResult, QueueName } from './job-payloads.ts';

/** Keys of every queue begin with this; tests use their own. */
export const DEFAULT_PREFIX = 'nara';

/** Where the queues are. */
export type QueueConnection = { redisUrl: string; prefix?: string; log: Logger };

export type Queues = {
  'fast-lane': Queue<AssetJob>;
  encode: Queue<AssetJob>;
  learn: Queue<LearnRequest, LearnResult>;
};

const BACKOFF = { type: 'exponential', delay: 2_000 } as const;

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
  return { 'fast-lane': open('fast-lane'), encode: open('encode'), learn: open('learn') };
}

/** Lets go of the queues; what waits in them stays. */
export async function closeQueues(queues: Queues): Promise<void> {
  await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
}

/** Queues an asset's stage; a job that is there already stays as it is. */
export async function addAssetJob(queues: Queues, stage: AssetQueueName, assetId: string): Promise<void> {
  const options: JobsOptions = {
    jobId: `${stage}-${assetId}`,
    attempts: MAX_TRIES,
    backoff: BACKOFF,
    // The asset's document says how it went; a finished job in the way would keep the stage from being queued again.
    removeOnComplete: true,
    removeOnFail: true,
  };
  await queues[stage].add(stage, { assetId }, options);
}
