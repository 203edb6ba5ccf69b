import { QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { type LearnResult, learnResultSchema, QUEUES } from './job-payloads.ts';
import type { QueuedAsset } from './owner-priority.ts';
import {
  addAssetJob,
  closeQueues,
  connectForQueues,
  DEFAULT_PREFIX,
  openQueues,
  type QueueConnection,
} from './queues.ts';
import { TooLateError, within } from './within.ts';

// Lifecycle: connects when created and reconnects for ever; nothing waits long for a Redis that is away. `close` lets go. The
// subscription to finished jobs opens with the first learn request.

export type LearnAnswer =
  | { kind: 'done'; result: LearnResult }
  /** Still at it (or no worker has taken it up): look again later. */
  | { kind: 'running' }
  | { kind: 'unavailable'; reason: string };

export type JobProducer = {
  /** Rejects within a second or so while Redis is away; reconciliation queues the asset then. */
  enqueueFastLane(asset: QueuedAsset): Promise<void>;
  /** An upload that is still arriving can be encoded from its beginning; as `enqueueFastLane`, but nothing mends a loss. */
  enqueueEarly(asset: QueuedAsset): Promise<void>;
  /** Asks a worker to refit now and waits for its answer. */
  requestLearn(timeoutMs: number): Promise<LearnAnswer>;
  /** Jobs per queue and state; rejects while Redis is away. */
  counts(): Promise<{ queue: string; state: string; count: number }[]>;
  close(): Promise<void>;
};

const ADD_TIMEOUT_MS = 1_500;
const CLOSE_TIMEOUT_MS = 500;
const COUNTED_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;
/** Waiting as well, in BullMQ's other list. */
const IN_LINE = 'prioritized';
const LEARN_KEPT = { age: 600, count: 100 };

/** What the API needs of the queues. */
export function createJobProducer(connection: QueueConnection): JobProducer {
  const redis = connectForQueues(connection);
  const queues = openQueues(redis, connection);
  const prefix = connection.prefix ?? DEFAULT_PREFIX;
  let events: QueueEvents | undefined;
  let eventsRedis: Redis | undefined;

  async function finishedLearnJobs(): Promise<QueueEvents> {
    if (!events) {
      eventsRedis = connectForQueues(connection);
      events = new QueueEvents('learn', { connection: eventsRedis, prefix });
      events.on('error', (error) => connection.log.debug({ err: error }, 'queue events are away'));
    }
    await events.waitUntilReady();
    return events;
  }

  return {
    enqueueEarly: (asset) => within(ADD_TIMEOUT_MS, 'queueing', addAssetJob(queues, 'early', asset)),
    enqueueFastLane: (asset) => within(ADD_TIMEOUT_MS, 'queueing', addAssetJob(queues, 'fast-lane', asset)),
    async requestLearn(timeoutMs) {
      const keep = { removeOnComplete: LEARN_KEPT, removeOnFail: LEARN_KEPT };
      try {
        const finished = await within(ADD_TIMEOUT_MS, 'listening', finishedLearnJobs());
        const job = await within(ADD_TIMEOUT_MS, 'queueing', queues.learn.add('requested', { shipped: true }, keep));
        const answer = await within(timeoutMs, 'learning', job.waitUntilFinished(finished)).catch((error: unknown) => {
          if (error instanceof TooLateError) return null;
          throw error;
        });
        return answer === null ? { kind: 'running' } : { kind: 'done', result: learnResultSchema.parse(answer) };
      } catch (error) {
        return { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) };
      }
    },
    async counts() {
      const perQueue = QUEUES.map(async (name) => {
        const counts = await within(ADD_TIMEOUT_MS, 'counting', queues[name].getJobCounts(...COUNTED_STATES, IN_LINE));
        const counted: Record<string, number> = { ...counts, waiting: (counts.waiting ?? 0) + (counts[IN_LINE] ?? 0) };
        return COUNTED_STATES.map((state) => ({ queue: name, state, count: counted[state] ?? 0 }));
      });
      return (await Promise.all(perQueue)).flat();
    },
    async close() {
      const closed = Promise.allSettled([closeQueues(queues), events?.close()]);
      await within(CLOSE_TIMEOUT_MS, 'closing', closed).catch(() => undefined);
      redis.disconnect();
      eventsRedis?.disconnect();
    },
  };
}
