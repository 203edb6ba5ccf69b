import { sweepWorkDirectories } from '../media/work-directory.ts';
import { CONCURRENCY, openWorkers } from './open-workers.ts';
import { closeQueues, connectForQueues, openQueues } from './queues.ts';
import { startCollection } from './start-collection.ts';
import { startReconciliation } from './start-reconciliation.ts';
import { startUpgrades } from './upgrade/start-upgrades.ts';
import { within } from './within.ts';
import type { WorkersOptions } from './workers-options.ts';

// Lifecycle: start → workers take jobs, a pass of reconciliation runs now and every ten seconds → stop: no new jobs, ffmpeg
// killed, running jobs given back, connections closed; all within STOP_TIMEOUT_MS, Redis or no Redis. A killed worker's jobs
// stall and return to the queue after one and a half times their lock at most.

/** The running workers of this process. */
export type Workers = {
  /** One pass of reconciliation, now. */
  reconcile(): Promise<void>;
  stop(): Promise<void>;
};

const STOP_TIMEOUT_MS = 3_000;

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
  const endUpgrades = startUpgrades(options, queues);
  const endCollection = startCollection(options, queues);
  log.info({ concurrency: { ...CONCURRENCY, ...options.concurrency } }, 'workers started');

  return {
    reconcile: reconciliation.now,
    async stop() {
      reconciliation.stop();
      endUpgrades();
      endCollection();
      // Paused first, so that what is given back is not taken again by this very worker.
      await Promise.allSettled(workers.map((worker) => worker.pause(true)));
      stopping.abort();
      const closed = Promise.allSettled([...workers.map((worker) => worker.close()), closeQueues(queues)]);
      await within(STOP_TIMEOUT_MS, 'stopping', closed).catch((error: unknown) => {
        log.warn(
          { err: error },
          'not all jobs could be given back in time: they return to the queue when their locks expire',
        );
      });
      redis.disconnect();
    },
  };
}
