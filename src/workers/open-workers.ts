import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { INTERNAL } from './classify-failure.ts';
import { adoptOriginal } from './duplicates/adopt-original.ts';
import {
  type AssetJob,
  type AssetQueueName,
  assetJobSchema,
  learnRequestSchema,
  learnResultSchema,
  type QueueName,
} from './job-payloads.ts';
import { NotYetError } from './not-yet-error.ts';
import { processJob, type Stage } from './process-job.ts';
import { addAssetJob, addChunkJobs, DEFAULT_PREFIX, jobIdOf, type Queues } from './queues.ts';
import { runChunk } from './run-chunk.ts';
import { runEarly } from './run-early.ts';
import { runFastLane } from './run-fast-lane.ts';
import { goWithoutPreviews, runPreviews } from './run-previews.ts';
import { runRemainder } from './run-remainder.ts';
import { shareRuns } from './share-runs.ts';
import { recordFailure } from './update-asset.ts';
import { runUpgrade } from './upgrade/run-upgrade.ts';
import { isEncodingIdle, upgradeJobSchema } from './upgrade/upgrade-queue.ts';
import { within } from './within.ts';
import type { WorkersOptions } from './workers-options.ts';

/**
 * Jobs at once, per queue and process. The fast lane's slots are its own, and so are those of uploads that are still arriving:
 * they are as slow as their uploaders' lines, and weigh little meanwhile.
 */
export const CONCURRENCY: Record<QueueName, number> = {
  early: 4,
  'fast-lane': 2,
  encode: 1,
  upgrade: 1,
  previews: 1,
  learn: 1,
};

/** The fast lane looks this often whether the encode that began before the last byte has ended. */
const ARRIVING_MS = 500;
const REDIS_TIMEOUT_MS = 1_500;

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

  type RunJob = (job: AssetJob, signal: AbortSignal) => Promise<unknown>;
  const assetStage = (queue: AssetQueueName, run: RunJob) =>
    open(queue, (job: Job<AssetJob>) => {
      const payload = assetJobSchema.parse(job.data);
      const { assetId, chunk } = payload;
      const name = [queue, assetId, ...(chunk ? [chunk.planId, chunk.index] : [])].join(' ');
      return {
        queue,
        work: (signal) => shared(name, () => run(payload, signal)),
        giveUp: (verdict) =>
          verdict.kind === 'removed' ? ports.assets.remove(assetId) : recordFailure(ports, assetId, verdict.error),
      };
    });

  const queueNext = async (stage: AssetQueueName, assetId: string): Promise<void> => {
    const asset = await ports.assets.read(assetId);
    if (asset) await addAssetJob(queues, stage, asset);
  };
  const queueChunks = async (assetId: string, missing: { planId: string; chunks: number[] }): Promise<void> => {
    const asset = await ports.assets.read(assetId);
    if (asset) await addChunkJobs(queues, asset, missing);
  };
  const early = open('early', (job: Job<AssetJob>) => {
    const { assetId } = assetJobSchema.parse(job.data);
    return {
      queue: 'early',
      work: (signal) => shared(`early ${assetId}`, () => runEarly(ports, assetId, signal)),
      // The fast lane, after the last byte, is the one to say what is wrong.
      giveUp: async (verdict) => (verdict.kind === 'removed' ? ports.assets.remove(assetId) : undefined),
    };
  });
  const isArriving = async (assetId: string): Promise<boolean> => {
    const state = within(REDIS_TIMEOUT_MS, 'asking', queues.early.getJobState(jobIdOf('early', assetId)));
    return (await state.catch(() => 'unknown')) === 'active';
  };
  const fastLane = assetStage('fast-lane', async ({ assetId }, signal) => {
    if (await isArriving(assetId)) throw new NotYetError('what came of its upload is still being encoded', ARRIVING_MS);
    const adopted = await adoptOriginal(ports, assetId, 'playable');
    if (adopted.kind === 'playable') await queueNext('encode', assetId);
    if (adopted.kind !== 'own-work') return adopted;
    const outcome = await runFastLane(ports, assetId, signal);
    if (outcome.kind === 'encoded') await Promise.all([queueNext('encode', assetId), queueNext('previews', assetId)]);
    return outcome;
  });
  const encode = assetStage('encode', async ({ assetId, chunk }, signal) => {
    if (chunk) {
      const outcome = await runChunk(ports, assetId, chunk, signal);
      if (outcome.kind === 'last') await queueNext('encode', assetId);
      return outcome;
    }
    const adopted = await adoptOriginal(ports, assetId, 'complete');
    if (adopted.kind !== 'own-work') return adopted;
    const outcome = await runRemainder(ports, assetId, signal);
    if (outcome.kind === 'fast-lane-first') await queueNext('fast-lane', assetId);
    if (outcome.kind === 'in-chunks') await queueChunks(assetId, outcome);
    return outcome;
  });
  const upgrade = open('upgrade', (job) => {
    const payload = upgradeJobSchema.parse(job.data);
    const { assetId } = payload;
    return {
      queue: 'upgrade',
      work: (signal) =>
        shared(`upgrade ${assetId}`, () => runUpgrade(ports, payload, () => isEncodingIdle(queues), signal)),
      giveUp: async (verdict) => {
        if (verdict.kind === 'removed') await ports.assets.remove(assetId);
        // The machine's fault is no mark on the asset, which is as good without: the next look finds it again.
        if (verdict.kind === 'permanent') await recordFailure(ports, assetId, verdict.error);
      },
    };
  });
  const previews = open('previews', (job: Job<AssetJob>) => {
    const { assetId } = assetJobSchema.parse(job.data);
    return {
      queue: 'previews',
      work: (signal) => shared(`previews ${assetId}`, () => runPreviews(ports, assetId, signal)),
      // An asset is as good without them.
      giveUp: (verdict) =>
        verdict.kind === 'removed' ? ports.assets.remove(assetId) : goWithoutPreviews(ports, assetId),
    };
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
  return [early, fastLane, encode, upgrade, previews, learn];
}
