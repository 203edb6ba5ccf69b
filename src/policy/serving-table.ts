import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { allocationSchema, type Clock, type Context, pinSchema, policyConfigSchema } from '../domain/index.ts';
import { coldAllocation } from './allocate.ts';
import type { Candidate, CurrentPolicy } from './current-policy.ts';
import { withLaterStates } from './edit-arms.ts';
import { type IndexedAllocation, indexAllocation } from './index-allocation.ts';
import { defaultConfig } from './ladder-families.ts';
import type { Log } from './log.ts';
import { indexPins, type PinnedArm, standingPins } from './pins.ts';
import type { ServedTrial } from './promotion/assign-config.ts';
import type { Registry } from './registry.ts';

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
  current(): ServedPolicy;
  /** Where the current policy came from: `built-in` and `disk` mean the store has not been reached yet. */
  origin(): 'store' | 'disk' | 'built-in';
};

/** An allocation, the arms of its config that are still offered, and the pins over it. */
export type ServedPolicy = IndexedAllocation & {
  /** The config in force: arms that it pauses are out of play before the next refit. */
  statesVersion: number;
  /** The config that a share of views is decided by; null while none has a share. */
  trial: ServedTrial | null;
  /** The arm that a context is pinned to now, if it is. */
  pinnedArm(context: Context): string | null;
};

const lastKnownGoodSchema = z.object({
  config: policyConfigSchema,
  allocation: allocationSchema,
  statesVersion: z.int().default(0),
  pins: z.array(pinSchema).default([]),
  trial: z
    .object({
      stage: z.enum(['canary', 'ramp']),
      share: z.number(),
      config: policyConfigSchema,
      allocation: allocationSchema,
    })
    .nullable()
    .default(null),
});
type LastKnownGood = z.infer<typeof lastKnownGoodSchema>;

function serve({ config, allocation, statesVersion, pins, trial }: LastKnownGood, clock: Clock): ServedPolicy {
  const pinned: PinnedArm = indexPins(pins);
  const pinnedArm = (context: Context): string | null => pinned(context, clock.nowMs());
  const served = trial && { stage: trial.stage, share: trial.share, candidate: indexAllocation(trial) };
  return { ...indexAllocation({ config, allocation }), statesVersion, pinnedArm, trial: served };
}

/** What of a trial decides views: nothing in shadow, and nothing that has not been fitted. */
function givenOut(candidate: Candidate | null): LastKnownGood['trial'] {
  if (candidate === null || candidate.trial.stage === 'shadow' || candidate.allocation === null) return null;
  const { trial, config, allocation } = candidate;
  return { stage: candidate.trial.stage, share: trial.share, config, allocation };
}

function builtIn(clock: Clock): ServedPolicy {
  const createdAt = new Date(clock.nowMs()).toISOString();
  const config = { ...defaultConfig({ createdAt }), configVersion: 0 };
  const allocation = coldAllocation({ config, seed: 0, allocationVersion: 0, createdAt });
  return serve({ config, allocation, statesVersion: 0, pins: [], trial: null }, clock);
}

const versionsOf = ({ config, allocation, inForce, candidate }: CurrentPolicy) => ({
  configVersion: config.configVersion,
  allocationVersion: allocation.allocationVersion,
  inForceVersion: inForce.configVersion,
  ...(candidate && {
    trialVersion: candidate.config.configVersion,
    stage: candidate.trial.stage,
    share: candidate.trial.share,
    trialAllocationVersion: candidate.allocation?.allocationVersion,
  }),
});

/** The in-memory table of the current policy; see the lifecycle above. */
export function createServingTable(options: {
  registry: Pick<Registry, 'loadCurrent' | 'readOperations'>;
  lastKnownGoodPath: string;
  clock: Clock;
  log: Log;
  refreshEveryMs?: number;
}): ServingTable {
  const { registry, lastKnownGoodPath, clock, log, refreshEveryMs = REFRESH_EVERY_MS } = options;
  let table: ServedPolicy | null = null;
  let served: string | null = null;
  let origin: ReturnType<ServingTable['origin']> = 'built-in';
  let timer: NodeJS.Timeout | null = null;
  let refreshing: Promise<void> | null = null;
  let storeIsAway = false;

  async function remember(policy: LastKnownGood): Promise<void> {
    const temporary = `${lastKnownGoodPath}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(lastKnownGoodPath), { recursive: true });
      await writeFile(temporary, JSON.stringify(policy));
      await rename(temporary, lastKnownGoodPath);
    } catch (err) {
      log.warn({ err, path: lastKnownGoodPath }, 'the last known good policy could not be kept on disk');
    }
  }

  async function recall(): Promise<void> {
    try {
      table = serve(lastKnownGoodSchema.parse(JSON.parse(await readFile(lastKnownGoodPath, 'utf8'))), clock);
      origin = 'disk';
      log.warn({ path: lastKnownGoodPath }, 'policy store is away: deciding by the last known good policy');
    } catch (err) {
      log.warn({ err }, 'policy store is away and there is no last known good policy: deciding by the built-in prior');
    }
  }

  async function load(): Promise<void> {
    try {
      const [policy, operations] = await Promise.all([registry.loadCurrent(), registry.readOperations()]);
      if (storeIsAway) log.info({}, 'policy store is back');
      storeIsAway = false;
      if (!policy) return;
      const pins = standingPins(operations);
      // Documents are immutable: equal numbers are nothing new.
      const versions = JSON.stringify([versionsOf(policy), pins.map(({ id }) => id)]);
      if (versions === served) return;
      const { allocation, inForce } = policy;
      const config = withLaterStates(policy.config, inForce);
      const trial = givenOut(policy.candidate);
      const good = { config, allocation, statesVersion: inForce.configVersion, pins, trial };
      table = serve(good, clock);
      origin = 'store';
      served = versions;
      log.info({ ...versionsOf(policy), pins: pins.length }, 'policy in use');
      await remember(good);
    } catch (err) {
      if (!storeIsAway) log.warn({ err }, 'policy store cannot be read: the policy in memory stays in use');
      storeIsAway = true;
    }
  }

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
