import type { Announcement, Clock, PolicyConfig, ViewStatistics } from '../domain/index.ts';
import { buildAllocation } from './allocate.ts';
import type { CurrentPolicy } from './current-policy.ts';
import { fingerprint } from './fingerprint.ts';
import type { Log } from './log.ts';
import { PolicyMissingError, type Registry } from './registry.ts';
import { hash32 } from './seeded-rng.ts';

// Refits the allocation when there is something new. One refit runs at a time in a process; whoever asks meanwhile shares the
// next one, which sees all that was there when they asked. Between processes the first writer of an allocation's number wins.

export type LearnResult = {
  configVersion: number;
  allocationVersion: number;
  /** False when there was nothing new, or another learner was first. */
  changed: boolean;
  /** Views with a final outcome, and those of them the fit could use. */
  views: { matured: number; used: number };
  durationMs: number;
};

export type Learner = { learn(): Promise<LearnResult> };

type Options = {
  registry: Pick<Registry, 'loadCurrent' | 'publishAllocation' | 'listVersions'>;
  readStatistics: (policy: PolicyConfig) => Promise<ViewStatistics[]>;
  countViews: () => Promise<{ matured: number }>;
  announce: (announcement: Announcement) => Promise<void>;
  clock: Clock;
  log: Log;
};

async function currentPolicy(registry: Options['registry']): Promise<CurrentPolicy> {
  const current = await registry.loadCurrent();
  if (!current) throw new PolicyMissingError('policy: expected a config and an allocation in the store (got none)');
  return current;
}

async function refit(options: Options): Promise<Omit<LearnResult, 'durationMs'>> {
  const { registry, clock, log } = options;
  const current = await currentPolicy(registry);
  const config = current.inForce;
  const [statistics, { matured }] = await Promise.all([options.readStatistics(config), options.countViews()]);
  const unchanged = ({ allocation }: CurrentPolicy): Omit<LearnResult, 'durationMs'> => ({
    configVersion: allocation.configVersion,
    allocationVersion: allocation.allocationVersion,
    changed: false,
    views: { matured, used: allocation.views.used },
  });
  const basis = fingerprint(statistics, config);
  if (current.allocation.basis === basis) return unchanged(current);
  // A broken document keeps its number: the next one is above every number taken, not above the last good one.
  const taken = (await registry.listVersions('allocation')).at(-1) ?? 0;
  const next = buildAllocation({
    config,
    statistics,
    previous: current,
    seed: hash32(basis),
    allocationVersion: taken + 1,
    createdAt: new Date(clock.nowMs()).toISOString(),
    maturedViews: matured,
  });
  const { configVersion, allocationVersion, views } = next;
  if ((await registry.publishAllocation(next)).kind === 'taken') {
    log.info({ allocationVersion }, 'another learner published this allocation first');
    return unchanged(await currentPolicy(registry));
  }
  await options.announce({ type: 'policy.allocation', configVersion, allocationVersion }).catch((err: unknown) => {
    log.warn(
      { err, allocationVersion },
      'allocation published but not announced; others find it at their next refresh',
    );
  });
  log.info({ configVersion, allocationVersion, views, contexts: next.contexts.length }, 'allocation refitted');
  return { configVersion, allocationVersion, changed: true, views };
}

/** A learner over the registry and the telemetry's queries; `learn` throws what reading or writing them throws. */
export function createLearner(options: Options): Learner {
  let running: Promise<LearnResult> | null = null;
  let waiting: Promise<LearnResult> | null = null;

  async function run(): Promise<LearnResult> {
    const startedMs = options.clock.nowMs();
    const result = await refit(options);
    return { ...result, durationMs: Math.max(0, options.clock.nowMs() - startedMs) };
  }

  function begin(): Promise<LearnResult> {
    const mine = run().finally(() => {
      if (running === mine) running = null;
    });
    running = mine;
    return mine;
  }

  return {
    learn() {
      if (waiting) return waiting;
      if (!running) return begin();
      waiting = running
        .catch(() => null)
        .then(() => {
          waiting = null;
          return begin();
        });
      return waiting;
    },
  };
}
