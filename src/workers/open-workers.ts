import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { INTERNAL } from './classify-failure.ts';
import {
  type AssetJob,
  type AssetQueueName,
  assetJobSchema,
  learnRequestSchema,
  learnResultSchema,
  type QueueName,
} from './job-payloads.ts';
import { processJob, type Stage } from './process-job.ts';
import { addAssetJob, DEFAULT_PREFIX, type Queues } from './queues.ts';
import { runFastLane } from './run-fast-lane.ts';
import { runRemainder } from './run-remainder.ts';
import { shareRuns } from './share-runs.ts';
import { recordFailure } from './update-asset.ts';
import type { WorkersOptions } from './workers-options.ts';

/** Jobs at once, per queue and process. The fast lane's slots are its own. */
export const CONCURRENCY: Record<QueueName, number> = { 'fast-lane': 2, encode: 1, upgrade: 1, learn: 1 };

const LOCK_MS = 10_000;
/** Every kill of a worker stalls its jobs once; at BullMQ's default of 1 a second kill would fail them for good. */
const MAX_STALLED = 25;

/** Opens one BullMQ worker per queue; they take jobs at once. */
export function openWorkers(options: WorkersOptions, redis: Redis, queues: Queues, stopping: AbortSignal): Worker[] {
  const { ports, log } = options;
  const shell = { stopping, log, onJob: options.onJob ?? (() => undefined) };
  const shared = shareRuns();
  const lockMs = options.lockMs ?? LOCK_MS;

  const open = (queue: QueueName, stageOf: (job: Job) => Stage): Worker => {
    const worker = new Worker(queue, (job, token) => processJob(job, token, stageOf(job), shell), {
      connection: redis,
      prefix: options.prefix ?? DEFAULT_PREFIX,
      concurrency: options.concurrency?.[queue] ?? CONCURRENCY[queue],
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: MAX_STALLED,
    });
    worker.on('error', (error) => log.debug({ err: error, queue }, 'worker trouble'));
    worker.on('stalled', (jobId) => log.warn({ queue, jobId }, 'job of a dead worker is back in the queue'));
    return worker;
  };

  const assetStage = (queue: AssetQueueName, run: (assetId: string, signal: AbortSignal) => Promise<unknown>) =>
    open(queue, (job: Job<AssetJob>) => {
      const { assetId } = assetJobSchema.parse(job.data);
      return {
        queue,
        work: (signal) => shared(`${queue} ${assetId}`, () => run(assetId, signal)),
        giveUp: (verdict) =>
          verdict.kind === 'removed' ? ports.assets.remove(assetId) : recordFailure(ports, assetId, verdict.error),
      };
    });

  const queueNext = async (stage: AssetQueueName, assetId: string): Promise<void> => {
    const asset = await ports.assets.read(assetId);
    if (asset) await addAssetJob(queues, stage, asset);
  };
  const fastLane = assetStage('fast-lane', async (assetId, signal) => {
    const outcome = await runFastLane(ports, assetId, signal);
    if (outcome.kind === 'encoded') await queueNext('encode', assetId);
    return outcome;
  });
  const encode = assetStage('encode', async (assetId, signal) => {
    const outcome = await runRemainder(ports, assetId, signal);
    if (outcome.kind === 'fast-lane-first') await queueNext('fast-lane', assetId);
    return outcome;
  });
  for (const worker of [fastLane, encode]) {
    // Only BullMQ itself fails a job for stalling too often; everything else has been written down by then.
    worker.on('failed', (job, error) => {
      if (!job || !/stalled/.test(error.message)) return;
      const { assetId } = assetJobSchema.parse(job.data);
      recordFailure(ports, assetId, INTERNAL).catch((err: unknown) =>
        log.error({ err, assetId }, 'failure not recorded'),
      );
    });
  }
  const learn = open('learn', (job) => ({
    queue: 'learn',
    work: async (signal) => learnResultSchema.parse(await ports.learn(learnRequestSchema.parse(job.data), signal)),
    giveUp: async () => undefined,
  }));
  return [fastLane, encode, learn];
}
