import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { allocationSchema, type Clock, policyConfigSchema } from '../domain/index.ts';
import { coldAllocation } from './allocate.ts';
import { type IndexedAllocation, indexAllocation } from './index-allocation.ts';
import { defaultConfig } from './ladder-families.ts';
import type { Log } from './log.ts';
import type { CurrentPolicy } from './registry.ts';

// The policy an API process decides by, in memory. start(): from the store, else from the last known good copy on disk,
// else the built-in cold prior (versions 0), so that there is always one. refresh(): on announcements and every few
// seconds; a failed one keeps what is there. stop() ends the timer. Nothing here throws because the store is away.

/** How often the store is looked at when no announcement comes. */
const REFRESH_EVERY_MS = 5000;

export type ServingTable = {
  start(): Promise<void>;
  /** Looks for a newer policy now. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
  /** What decisions are made by; O(1). */
  current(): IndexedAllocation;
  /** Where the current policy came from: `built-in` and `disk` mean the store has not been reached yet. */
  origin(): 'store' | 'disk' | 'built-in';
};

const lastKnownGoodSchema = z.object({ config: policyConfigSchema, allocation: allocationSchema });

function builtIn(clock: Clock): IndexedAllocation {
  const createdAt = new Date(clock.nowMs()).toISOString();
  const config = { ...defaultConfig({ createdAt }), configVersion: 0 };
  return indexAllocation({ config, allocation: coldAllocation({ config, seed: 0, allocationVersion: 0, createdAt }) });
}

/** The in-memory table of the current policy; see the lifecycle above. */
export function createServingTable(options: {
  registry: { loadCurrent(): Promise<CurrentPolicy | null> };
  lastKnownGoodPath: string;
  clock: Clock;
  log: Log;
  refreshEveryMs?: number;
}): ServingTable {
  const { registry, lastKnownGoodPath, clock, log, refreshEveryMs = REFRESH_EVERY_MS } = options;
  let table: IndexedAllocation | null = null;
  let origin: ReturnType<ServingTable['origin']> = 'built-in';
  let timer: NodeJS.Timeout | null = null;
  let refreshing: Promise<void> | null = null;
  let storeIsAway = false;

  async function remember({ config, allocation }: CurrentPolicy): Promise<void> {
    const temporary = `${lastKnownGoodPath}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(lastKnownGoodPath), { recursive: true });
      await writeFile(temporary, JSON.stringify({ config, allocation }));
      await rename(temporary, lastKnownGoodPath);
    } catch (err) {
      log.warn({ err, path: lastKnownGoodPath }, 'the last known good policy could not be kept on disk');
    }
  }

  async function recall(): Promise<void> {
    try {
      table = indexAllocation(lastKnownGoodSchema.parse(JSON.parse(await readFile(lastKnownGoodPath, 'utf8'))));
      origin = 'disk';
      log.warn({ path: lastKnownGoodPath }, 'policy store is away: deciding by the last known good policy');
    } catch (err) {
      log.warn({ err }, 'policy store is away and there is no last known good policy: deciding by the built-in prior');
    }
  }

  async function load(): Promise<void> {
    try {
      const policy = await registry.loadCurrent();
      if (storeIsAway) log.info({}, 'policy store is back');
      storeIsAway = false;
      if (!policy || isServed(policy)) return;
      table = indexAllocation(policy);
      origin = 'store';
      const { configVersion, allocationVersion } = policy.allocation;
      log.info({ configVersion, allocationVersion }, 'policy in use');
      await remember(policy);
    } catch (err) {
      if (!storeIsAway) log.warn({ err }, 'policy store cannot be read: the policy in memory stays in use');
      storeIsAway = true;
    }
  }

  /** Documents are immutable: an equal number is nothing new. */
  const isServed = ({ allocation }: CurrentPolicy): boolean =>
    origin === 'store' && table !== null && allocation.allocationVersion === table.allocation.allocationVersion;

  const refresh = (): Promise<void> => {
    refreshing ??= load().finally(() => {
      refreshing = null;
    });
    return refreshing;
  };

  return {
    refresh,
    async start() {
      await refresh();
      if (!table) await recall();
      table ??= builtIn(clock);
      timer = setInterval(() => void refresh(), refreshEveryMs);
      timer.unref();
    },
    async stop() {
      if (timer) clearInterval(timer);
      timer = null;
      await refreshing;
    },
    current() {
      table ??= builtIn(clock);
      return table;
    },
    origin: () => origin,
  };
}
