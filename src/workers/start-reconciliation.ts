import { addAssetJob, type Queues } from './queues.ts';
import { createReconciler } from './reconcile.ts';
import { repeatEvery } from './repeat-every.ts';
import type { WorkersOptions } from './workers-options.ts';

const RECONCILE_EVERY_MS = 10_000;
const LEARN_EVERY_MS = 60_000;
const LEARN_SCHEDULE = 'learn-regularly';

/** Keeps the jobs and the learning schedule there, also after Redis has lost everything. */
export function startReconciliation(options: WorkersOptions, queues: Queues): { now(): Promise<void>; stop(): void } {
  const { ports, log } = options;
  const reconciler = createReconciler({
    assets: ports.assets,
    store: ports.media.store,
    enqueue: (stage, asset) => addAssetJob(queues, stage, asset),
  });
  const everyMs = options.learnEveryMs ?? LEARN_EVERY_MS;
  let reported = '';
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
    if (unreadable.join() !== reported) log.warn({ unreadable }, 'assets whose documents cannot be read');
    reported = unreadable.join();
    log.debug({ queued }, 'reconciled');
  };
  const stop = repeatEvery(options.reconcileEveryMs ?? RECONCILE_EVERY_MS, now, (error) =>
    log.warn({ err: error }, 'reconciliation failed, trying again later'),
  );
  return { now, stop };
}
