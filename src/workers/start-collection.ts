import { createCollector } from './collect-garbage.ts';
import type { Queues } from './queues.ts';
import { repeatEvery } from './repeat-every.ts';
import { updateAsset } from './update-asset.ts';
import { isAssetBusy } from './upgrade/upgrade-queue.ts';
import type { WorkersOptions } from './workers-options.ts';

const COLLECT_EVERY_MS = 30 * 60_000;

/** Collects what nothing refers to, again and again; returns what ends it. Without Redis it waits: nobody knows then who is busy. */
export function startCollection(options: WorkersOptions, queues: Queues): () => void {
  const { ports, log } = options;
  const collector = createCollector({
    assets: ports.assets,
    store: ports.media.store,
    isBusy: (assetId) => isAssetBusy(queues, assetId),
    update: (assetId, change) => updateAsset(ports, assetId, change),
    nowMs: ports.clock.nowMs,
  });
  const collect = async (): Promise<void> => {
    const removed = await collector.pass();
    const swept = (await ports.sweepTemporary?.()) ?? 0;
    if (removed.length + swept > 0) log.info({ removed, swept }, 'collected what nothing refers to');
  };
  return repeatEvery(options.collectEveryMs ?? COLLECT_EVERY_MS, collect, (error) =>
    log.warn({ err: error }, 'collection failed, trying again later'),
  );
}
