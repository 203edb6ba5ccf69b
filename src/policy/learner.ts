import type { Announcement, Clock, PolicyConfig, ViewStatistics } from '../domain/index.ts';
import { buildAllocation, type Previous } from './allocate.ts';
import { changeEvents } from './change-events.ts';
import type { CurrentPolicy } from './current-policy.ts';
import { fingerprint } from './fingerprint.ts';
import { guardEvents } from './guard-events.ts';
import type { Log } from './log.ts';
import { PolicyMissingError, type Registry } from './registry.ts';
import type { Allotment } from './sample-ratio.ts';
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
  /** How often arms were given beside how often they should have been; without it that is not checked. */
  readAllotments?: () => Promise<Allotment[]>;
  /** Takes a config on trial a step further where its evidence says so; answers whether anything changed. */
  conductTrial: () => Promise<boolean>;
  announce: (announcement: Announcement) => Promise<void>;
  clock: Clock;
  log: Log;
};

type Fitted = Omit<LearnResult, 'durationMs'>;

async function currentPolicy(registry: Options['registry']): Promise<CurrentPolicy> {
  const current = await registry.loadCurrent();
  if (!current) throw new PolicyMissingError('policy: expected a config and an allocation in the store (got none)');
  return current;
}

/** What is offered now, when nothing was fitted. */
const unchanged = ({ allocation }: Pick<CurrentPolicy, 'allocation'>, matured: number): Fitted => ({
  configVersion: allocation.configVersion,
  allocationVersion: allocation.allocationVersion,
  changed: false,
  views: { matured, used: allocation.views.used },
});

async function refit(options: Options): Promise<Fitted> {
  const { registry, log } = options;
  const current = await currentPolicy(registry);
  const { matured } = await options.countViews();
  const statistics = await options.readStatistics(current.inForce);
  const fitted = await refitUnder(options, { config: current.inForce, statistics, previous: current, matured });
  try {
    const { candidate } = current;
    // Fitted before it is given to anybody, and fitted after the config in force: when it comes into force, it is the newest.
    if (candidate) {
      const { config } = candidate;
      // Statistics depend on a config by its reward alone.
      const isSame = JSON.stringify(config.reward) === JSON.stringify(current.inForce.reward);
      const seen = isSame ? statistics : await options.readStatistics(config);
      await refitUnder(options, { config, statistics: seen, previous: previousOf(current), matured });
    }
    if (!(await options.conductTrial())) return fitted;
  } catch (err) {
    log.warn({ err }, 'the config on trial stays where it is');
    return fitted;
  }
  return { ...unchanged(await currentPolicy(registry), matured), changed: true };
}

/** What a candidate's shares are measured against: its own last allocation, or before there is one, that of the config in force. */
function previousOf({ candidate, config, allocation }: CurrentPolicy): Previous {
  return candidate?.allocation
    ? { config: candidate.config, allocation: candidate.allocation }
    : { config, allocation };
}

type Fit = { config: PolicyConfig; statistics: ViewStatistics[]; previous: Previous; matured: number };

async function refitUnder(options: Options, { config, statistics, previous, matured }: Fit): Promise<Fitted> {
  const { registry, clock, log } = options;
  const basis = fingerprint(statistics, config);
  if (previous.allocation.basis === basis) return unchanged(previous, matured);
  // A broken document keeps its number: the next one is above every number taken, not above the last good one.
  const taken = (await registry.listVersions('allocation')).at(-1) ?? 0;
  const allotments = (await options.readAllotments?.()) ?? [];
  const next = buildAllocation({
    config,
    statistics,
    allotments,
    previous,
    seed: hash32(basis),
    allocationVersion: taken + 1,
    createdAt: new Date(clock.nowMs()).toISOString(),
    maturedViews: matured,
  });
  const { configVersion, allocationVersion, views } = next;
  if ((await registry.publishAllocation(next)).kind === 'taken') {
    log.info({ allocationVersion }, 'another learner published this allocation first');
    return unchanged(await currentPolicy(registry), matured);
  }
  const announce = (announcement: Announcement): Promise<void> =>
    options.announce(announcement).catch((err: unknown) => {
      log.warn(
        { err, allocationVersion },
        'allocation published but not announced; others find it at their next refresh',
      );
    });
  await announce({ type: 'policy.allocation', configVersion, allocationVersion });
  const changed = changeEvents(previous.allocation, next);
  if (changed) {
    log.warn({ ...changed }, 'cells changed: what was learned of them before is set aside');
    await announce(changed);
  }
  const guarded = guardEvents(previous, next);
  if (guarded) {
    log.warn({ ...guarded }, 'guardrails changed');
    await announce(guarded);
  }
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
