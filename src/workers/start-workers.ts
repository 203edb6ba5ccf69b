import { type Job, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { sweepWorkDirectories } from '../media/work-directory.ts';
import { INTERNAL } from './classify-failure.ts';
import {
  type AssetJob,
  type AssetQueueName,
  assetJobSchema,
  type LearnRequest,
  type LearnResult,
  learnRequestSchema,
  learnResultSchema,
  type QueueName,
} from './job-payloads.ts';
import { type OnJob, processJob, type Stage } from './process-job.ts';
import { addAssetJob, closeQueues, connectForQueues, DEFAULT_PREFIX, openQueues, type Queues } from './queues.ts';
import { createReconciler } from './reconcile.ts';
import { repeatEvery } from './repeat-every.ts';
import { runFastLane } from './run-fast-lane.ts';
import { runRemainder } from './run-remainder.ts';
import { shareRuns } from './share-runs.ts';
import type { TranscodePorts } from './transcode-ports.ts';
import { recordFailure } from './update-asset.ts';
import { within } from './within.ts';

// Lifecycle: start → workers take jobs, a pass of reconciliation runs now and every ten seconds → stop: no new jobs, ffmpeg
// killed, running jobs given back, connections closed; all within STOP_TIMEOUT_MS, Redis or no Redis. A killed worker's jobs
// stall and return to the queue after one and a half times LOCK_MS at most.

export type WorkerPorts = TranscodePorts & {
  /** Refits the policy. */
  learn(request: LearnRequest, signal: AbortSignal): Promise<LearnResult>;
};

export type WorkersOptions = {
  redisUrl: string;
  /** Keys of the queues begin with this. */
  prefix?: string;
  ports: WorkerPorts;
  log: Logger;
  concurrency?: Partial<Record<QueueName, number>>;
  onJob?: OnJob;
  reconcileEveryMs?: number;
  learnEveryMs?: number;
  /** A dead worker's job is believed dead after this, and looked for half as often. */
  lockMs?: number;
};

export type Workers = {
  /** One pass of reconciliation, now. */
  reconcile(): Promise<void>;
  stop(): Promise<void>;
};

const CONCURRENCY: Record<QueueName, number> = { 'fast-lane': 2, encode: 1, learn: 1 };
const LOCK_MS = 10_000;
/** Every kill of a worker stalls its jobs once; at BullMQ's default of 1 a second kill would fail them for good. */
const MAX_STALLED = 25;
const RECONCILE_EVERY_MS = 10_000;
const LEARN_EVERY_MS = 60_000;
const STOP_TIMEOUT_MS = 3_000;
const LEARN_SCHEDULE = 'learn-regularly';

/** Starts the workers of this process. Redis need not be there yet. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { ports, log } = options;
  const swept = await sweepWorkDirectories(ports.media.workRoot);
  if (swept > 0) log.info({ swept }, 'removed work directories of workers that are no more');
  await ports.media.ffmpeg.warmUp();

  const stopping = new AbortController();
  const redis = connectForQueues(options);
  const queues = openQueues(redis, options);
  const workers = openWorkers(options, redis, queues, stopping.signal);
  const reconciliation = startReconciliation(options, queues);
  log.info({ concurrency: { ...CONCURRENCY, ...options.concurrency } }, 'workers started');

  return {
    reconcile: reconciliation.now,
    async stop() {
      reconciliation.stop();
      // Paused first, so that what is given back is not taken again by this very worker.
      await Promise.allSettled(workers.map((worker) => worker.pause(true)));
      stopping.abort();
      const closed = Promise.allSettled([...workers.map((worker) => worker.close()), closeQueues(queues)]);
      await within(STOP_TIMEOUT_MS, 'stopping', closed).catch((error: unknown) => {
        log.warn({ err: error }, 'stopping without Redis: jobs return to the queue when their locks expire');
      });
      redis.disconnect();
    },
  };
}

function openWorkers(
  options: WorkersOptions,
  redis: ReturnType<typeof connectForQueues>,
  queues: Queues,
  stopping: AbortSignal,
): Worker[] {
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

  const fastLane = assetStage('fast-lane', async (assetId, signal) => {
    const outcome = await runFastLane(ports, assetId, signal);
    if (outcome.kind === 'encoded') await addAssetJob(queues, 'encode', assetId);
    return outcome;
  });
  const encode = assetStage('encode', async (assetId, signal) => {
    const outcome = await runRemainder(ports, assetId, signal);
    if (outcome.kind === 'fast-lane-first') await addAssetJob(queues, 'fast-lane', assetId);
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

/** Keeps the jobs and the learning schedule there, also after Redis has lost everything. */
function startReconciliation(options: WorkersOptions, queues: Queues): { now(): Promise<void>; stop(): void } {
  const { ports, log } = options;
  const reconciler = createReconciler({
    assets: ports.assets,
    store: ports.media.store,
    enqueue: (stage, assetId) => addAssetJob(queues, stage, assetId),
  });
  const everyMs = options.learnEveryMs ?? LEARN_EVERY_MS;
  const now = async (): Promise<void> => {
    if (!(await queues.learn.getJobScheduler(LEARN_SCHEDULE))) {
      const template = {
        name: 'regular',
        data: { shipped: false },
        opts: { removeOnComplete: true, removeOnFail: true },
      };
      await queues.learn.upsertJobScheduler(LEARN_SCHEDULE, { every: everyMs }, template);
    }
    const { queued, unreadable } = await reconciler.pass();
    if (unreadable.length > 0) log.warn({ unreadable }, 'assets whose documents cannot be read');
    log.debug({ queued }, 'reconciled');
  };
  const stop = repeatEvery(options.reconcileEveryMs ?? RECONCILE_EVERY_MS, now, (error) =>
    log.warn({ err: error }, 'reconciliation failed, trying again later'),
  );
  return { now, stop };
}
