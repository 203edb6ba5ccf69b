import type { Queues } from '../queues.ts';
import { repeatEvery } from '../repeat-every.ts';
import type { WorkersOptions } from '../workers-options.ts';
import { ratioOf } from './propose-upgrade.ts';
import { addUpgradeJob, countUpgrades, isEncodingIdle } from './upgrade-queue.ts';
import { createUpgradeSearch } from './upgrade-search.ts';

const LOOK_EVERY_MS = 5 * 60_000;
/** Queued ahead: what is worth most changes with what is watched. */
const QUEUED_AT_MOST = 4;

/** Looks again and again what is worth upgrading, while nothing is waited for; returns what ends it. */
export function startUpgrades(options: WorkersOptions, queues: Queues): () => void {
  const { ports, log } = options;
  const { upgrades } = ports;
  if (!upgrades) return () => undefined;
  const search = createUpgradeSearch(ports.assets, upgrades);
  const look = async (): Promise<void> => {
    const room = QUEUED_AT_MOST - (await countUpgrades(queues));
    if (room <= 0 || !(await isEncodingIdle(queues))) return;
    for (const proposal of (await search.look()).slice(0, room)) {
      await addUpgradeJob(queues, proposal);
      log.info({ ...proposal, megabytesPerCpuSecond: ratioOf(proposal) }, 'asset is worth upgrading');
    }
  };
  return repeatEvery(options.upgradeEveryMs ?? LOOK_EVERY_MS, look, (error) =>
    log.debug({ err: error }, 'looked for upgrades in vain, trying again later'),
  );
}
