import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Announcement, ViewStatistics } from '../../../src/domain/index.ts';
import { createLearner } from '../../../src/policy/learner.ts';
import { createOperator } from '../../../src/policy/operator.ts';
import { assignConfig } from '../../../src/policy/promotion/assign-config.ts';
import type { TrialGroup } from '../../../src/policy/promotion/compare-sides.ts';
import { createTrialConductor } from '../../../src/policy/promotion/conduct-trial.ts';
import type { LoggedDecision } from '../../../src/policy/promotion/score-shadow.ts';
import { createRegistry } from '../../../src/policy/registry.ts';
import { createServingTable } from '../../../src/policy/serving-table.ts';
import { CREATED_AT, gaussianStatistics, PHONE, testConfig } from '../policy-fixtures.ts';
import { memoryLog, memoryStore } from '../store-fixture.ts';

const base = testConfig();
const config = testConfig({
  arms: base.arms.slice(0, 3),
  exploration: { ...base.exploration, posteriorDraws: 100 },
});
const BY = { actor: 'ann', reason: 'to see what happens' };
const CHANGES = { exploration: { budget: 0.2 } };
const MINUTE_MS = 60_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trial-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Logged views that were decided just as the candidate would have, so that each counts whole. */
const LOGGED: LoggedDecision[] = Array.from({ length: 600 }, (_, index) => ({
  context: PHONE,
  arm: 'baseline',
  setHash: 'only',
  propensity: 1,
  reward: 60 + (index % 2),
  eligible: [{ arm: 'baseline', propensity: 1, setHash: 'only' }],
}));

/** `views` a side; the candidate's are better by `gain` points. */
function sides(views: number, gain: number): TrialGroup[] {
  const sums = (mean: number): TrialGroup['moments'] => [views, views * mean, views * (mean ** 2 + 4), 0, 0, 0];
  const side = (candidate: boolean, mean: number): TrialGroup => ({
    context: PHONE,
    candidate,
    candidateShare: 0.05,
    moments: sums(mean),
    stall: [0, views * 60, 0, 0, views * 3600],
    decided: views,
    heard: views,
    failedToStart: 0,
  });
  return [side(true, 60 + gain), side(false, 60)];
}

/** A world whose processes can be killed: everything but the store and what telemetry says is made anew by `boot`. */
function setUp() {
  const time = { ms: Date.parse(CREATED_AT) };
  const clock = { nowMs: () => time.ms };
  const world = {
    statistics: [gaussianStatistics({ arm: 'baseline', n: 100, mean: 60 })] as ViewStatistics[],
    sides: [] as TrialGroup[],
    logged: [] as LoggedDecision[],
    telemetryIsAway: false,
    /** What happens while telemetry is asked. */
    meanwhile: async () => {},
  };
  const store = memoryStore();
  const told: Announcement[] = [];
  const announce = async (announcement: Announcement) => void told.push(announcement);
  const boot = () => {
    const log = memoryLog();
    const registry = createRegistry({ store, clock, log });
    const answer = async <T>(what: T): Promise<T> => {
      await world.meanwhile();
      if (world.telemetryIsAway) throw new Error('clickhouse is away');
      return what;
    };
    const conductTrial = createTrialConductor({
      registry,
      sources: { readTrial: () => answer(world.sides), readLoggedViews: () => answer(world.logged) },
      announce,
      clock,
      log,
    });
    const learner = createLearner({
      registry,
      readStatistics: async () => world.statistics,
      countViews: async () => ({ matured: 100 }),
      conductTrial,
      announce,
      clock,
      log,
    });
    const operator = createOperator({ registry, announce, clock, log });
    const lastKnownGoodPath = join(directory, 'policy.json');
    const table = createServingTable({ registry, lastKnownGoodPath, clock, log });
    return { registry, learner, operator, table, log, conductTrial };
  };
  /** A refit by a process that has just started. */
  const learn = async () => {
    time.ms += MINUTE_MS;
    return boot().learner.learn();
  };
  const stage = async (configVersion = 2) => {
    const operations = (await boot().registry.readOperations()).filter((operation) => operation.kind === 'stage');
    const last = operations.filter((operation) => operation.configVersion === configVersion).at(-1);
    return last && `${last.stage} ${last.share}`;
  };
  return { time, world, store, told, boot, learn, stage };
}

async function onTrial() {
  const it = setUp();
  const { registry, operator } = it.boot();
  await registry.ensureInitial(config);
  await it.learn();
  expect(await operator.propose({ changes: CHANGES, ...BY })).toMatchObject({
    kind: 'published',
    config: { configVersion: 2, parent: 1, staged: true, exploration: { budget: 0.2 } },
  });
  return it;
}

async function atCanary() {
  const it = await onTrial();
  it.world.logged = LOGGED;
  await it.learn();
  await it.learn();
  expect(await it.stage()).toBe('canary 0.05');
  return it;
}

describe('a staged config', () => {
  it('goes through shadow, canary and ramps into force by its evidence, each step by a process that has just started', async () => {
    const { world, learn, stage, boot, told } = await onTrial();
    expect(await stage()).toBe('shadow 0');
    await learn();
    const { candidate } = (await boot().registry.loadCurrent()) ?? {};
    expect(candidate?.trial.shadow?.allocationVersion).toBe(candidate?.allocation?.allocationVersion);
    await learn();
    expect(await stage()).toBe('shadow 0');
    world.logged = LOGGED;
    const seen = [];
    for (const [views, gain] of [
      [0, 0],
      [300, 1.5],
      [500, 1.5],
      [700, 1.5],
    ] as const) {
      world.sides = views > 0 ? sides(views, gain) : [];
      await learn();
      seen.push(await stage());
    }
    expect(seen).toEqual(['canary 0.05', 'ramp 0.25', 'ramp 0.5', 'active 1']);
    const current = await boot().registry.loadCurrent();
    expect(current).toMatchObject({
      candidate: null,
      inForce: { configVersion: 2 },
      allocation: { configVersion: 2 },
    });
    const stages = told.flatMap((each) => (each.type === 'policy.stage' ? [each.stage] : []));
    expect(stages).toEqual(['shadow', 'shadow', 'canary', 'ramp', 'ramp', 'active']);
    const { operations } = await boot().operator.history(10);
    const [last] = operations;
    expect(last).toMatchObject({ kind: 'stage', actor: 'nara', evidence: { trial: { views: 700 } } });
    expect(last && 'reason' in last && last.reason).toMatch(/better/);
  });

  it('is given to its share of views and no others, with the probability of the config that decides', async () => {
    const { boot } = await atCanary();
    const { table } = boot();
    await table.start();
    const served = table.current();
    const given = assignConfig(served, () => 0.0499);
    expect(given.policy.config.configVersion).toBe(2);
    expect(given.rollout).toEqual({ trialVersion: 2, stage: 'canary', share: 0.05 });
    const control = assignConfig(served, () => 0.05);
    expect(control.policy.config.configVersion).toBe(1);
    expect(control.rollout).toEqual({ trialVersion: 2, stage: 'canary', share: 0.95 });
    await table.stop();
  });

  it('decides no view in shadow, and leaves no mark in decisions', async () => {
    const { boot } = await onTrial();
    const { table } = boot();
    await table.start();
    expect(assignConfig(table.current(), () => 0)).toEqual({ policy: table.current() });
    await table.stop();
  });

  it('is rolled back by itself when it does harm', async () => {
    const { world, learn, stage, boot } = await atCanary();
    world.sides = sides(300, -1.5);
    expect(await learn()).toMatchObject({ configVersion: 1, changed: true });
    expect(await stage()).toBe('rolled-back 0');
    const { table, registry } = boot();
    await table.start();
    expect(table.current().trial).toBeNull();
    expect(table.current().config.configVersion).toBe(1);
    expect((await registry.loadCurrent())?.candidate).toBeNull();
    await table.stop();
  });

  it('stays where it is while telemetry does not answer, and the config in force is refitted all the same', async () => {
    const { world, learn, stage } = await atCanary();
    world.telemetryIsAway = true;
    world.statistics = [gaussianStatistics({ arm: 'baseline', n: 200, mean: 60 })];
    expect(await learn()).toMatchObject({ configVersion: 1, changed: true, views: { used: 200 } });
    expect(await stage()).toBe('canary 0.05');
  });

  it('is given out from memory, and from disk after a restart, while the store is away', async () => {
    const { boot, store } = await atCanary();
    const { table } = boot();
    await table.start();
    store.away = true;
    await table.refresh();
    expect(table.current().trial?.share).toBe(0.05);
    await table.stop();
    const restarted = boot().table;
    await restarted.start();
    expect(restarted.origin()).toBe('disk');
    expect(restarted.current().trial).toMatchObject({ stage: 'canary', share: 0.05 });
    expect(restarted.current().trial?.candidate.config.configVersion).toBe(2);
    await restarted.stop();
  });
});

describe('by hand', () => {
  it('a second trial is refused while one goes on', async () => {
    const { boot } = await onTrial();
    const asked = { changes: { exploration: { budget: 0.3 } }, staged: true, ...BY };
    expect(await boot().operator.propose(asked)).toMatchObject({ kind: 'refused', code: 'trial.running' });
  });

  it('a rollback that is refused leaves the trial as it is, and nobody rolls back to what is on trial', async () => {
    const { boot, stage } = await onTrial();
    const before = await stage();
    expect(await boot().operator.rollback({ toConfigVersion: 999, ...BY })).toMatchObject({ code: 'config.unknown' });
    expect(await boot().operator.rollback({ toConfigVersion: 2, ...BY })).toMatchObject({ code: 'config.on-trial' });
    expect(await stage()).toBe(before);
  });

  it('settings that do not exist, cannot be or must not change are refused by name', async () => {
    const { boot } = setUp();
    const { operator, registry } = boot();
    await registry.ensureInitial(config);
    const propose = (changes: Parameters<typeof operator.propose>[0]['changes']) =>
      operator.propose({ changes, staged: true, ...BY });
    expect(await propose({ reward: { kindness: 1 } })).toMatchObject({ path: 'reward.kindness' });
    expect(await propose({ exploration: { budget: 2 } })).toMatchObject({ path: 'exploration.budget' });
    expect(await propose({ reward: { transparentQuality: 90 } })).toMatchObject({ path: 'reward.transparentQuality' });
    expect(await propose({ model: { priorSd: { arm: 0.5, toString: 1 } } })).toMatchObject({
      path: 'model.priorSd.toString',
    });
    expect(await propose({ exploration: { budget: config.exploration.budget } })).toEqual({
      kind: 'unchanged',
      config: expect.objectContaining({ configVersion: 1 }),
    });
    expect(await registry.listVersions('config')).toEqual([1]);
  });

  it('a trial is promoted step by step or at once, and never backwards', async () => {
    const { boot, learn, stage } = await onTrial();
    await learn();
    const { operator } = boot();
    await operator.promote(BY);
    expect(await stage()).toBe('canary 0.05');
    await operator.promote({ stage: 'ramp', ...BY });
    expect(await stage()).toBe('ramp 0.25');
    expect(await operator.promote({ stage: 'canary', ...BY })).toMatchObject({ kind: 'refused', code: 'trial.stage' });
    await operator.promote({ stage: 'active', ...BY });
    expect((await boot().registry.loadCurrent())?.inForce.configVersion).toBe(2);
    expect(await operator.promote(BY)).toMatchObject({ kind: 'refused', code: 'trial.none' });
  });

  it('a held trial stays at its stage until it is let go, and is still ended by harm', async () => {
    const { boot, learn, stage, world } = await atCanary();
    await boot().operator.hold({ held: true, ...BY });
    world.sides = sides(500, 3);
    await learn();
    expect(await stage()).toBe('canary 0.05');
    await boot().operator.hold({ held: false, ...BY });
    await learn();
    expect(await stage()).toBe('ramp 0.25');
    await boot().operator.hold({ held: true, ...BY });
    world.sides = sides(500, -3);
    await learn();
    expect(await stage()).toBe('rolled-back 0');
  });

  it('rolling back to the config in force ends the trial and publishes nothing', async () => {
    const { boot, stage } = await atCanary();
    const { operator, registry } = boot();
    const back = await operator.rollback({ toConfigVersion: 1, ...BY });
    expect(back).toMatchObject({ kind: 'published', config: { configVersion: 1 } });
    expect(await stage()).toBe('rolled-back 0');
    expect(await registry.listVersions('config')).toEqual([1, 2]);
  });

  it('a config that came into force is rolled back like any other', async () => {
    const { boot, learn } = await atCanary();
    await boot().operator.promote({ stage: 'active', ...BY });
    await boot().operator.rollback({ toConfigVersion: 1, ...BY });
    await learn();
    const current = await boot().registry.loadCurrent();
    expect(current).toMatchObject({
      inForce: { configVersion: 3, staged: false, exploration: config.exploration },
      allocation: { configVersion: 3 },
    });
  });

  it('the history says how far each config came', async () => {
    const { boot } = await atCanary();
    const { configs } = await boot().operator.history(5);
    expect(configs.map(({ configVersion, staged, stage }) => [configVersion, staged, stage])).toEqual([
      [2, true, 'canary'],
      [1, false, null],
    ]);
    expect(configs[0]?.diff).toEqual([{ path: 'exploration.budget', before: 0.05, after: 0.2 }]);
  });
});

describe('a write to the config in force while another is on trial', () => {
  it('takes an arm away from both at once, and it stays away when the trial is won', async () => {
    const { boot, learn } = await atCanary();
    await boot().operator.putArm('low-floor', { state: 'paused', ...BY });
    const { table } = boot();
    await table.start();
    const stateOf = ({ config: { arms } }: { config: typeof config }) =>
      arms.find(({ id }) => id === 'low-floor')?.state;
    const { trial } = table.current();
    expect([stateOf(table.current()), trial && stateOf(trial.candidate)]).toEqual(['paused', 'paused']);
    await table.stop();
    await learn();
    expect((await boot().registry.loadCurrent())?.candidate?.trial.stage).toBe('canary');
    await boot().operator.promote({ stage: 'active', ...BY });
    const current = await boot().registry.loadCurrent();
    expect(current).toMatchObject({ candidate: null, overtaken: null, allocation: { configVersion: 2 } });
    expect(current?.inForce).toMatchObject({ configVersion: 4, parent: 2, exploration: { budget: 0.2 } });
    expect(current && stateOf({ config: current.inForce })).toBe('paused');
  });

  it('ends the trial when it changes anything else: what it was compared with is gone', async () => {
    const { boot, learn, stage } = await atCanary();
    await boot().operator.putArm('village', { rungs: [{ height: 240, bitrateKbps: 120, fps: 30 }], ...BY });
    const { table } = boot();
    await table.start();
    expect(table.current().trial).toBeNull();
    await table.stop();
    await learn();
    expect(await stage()).toBe('rolled-back 0');
  });

  it('finishes what a process began that died between putting a config in force and saying so', async () => {
    const { boot, learn, stage, store } = await atCanary();
    await boot().operator.putArm('low-floor', { state: 'paused', ...BY });
    await boot().operator.promote({ stage: 'active', ...BY });
    const journal = [...store.files.keys()].filter((key) => key.includes('/operation/')).sort();
    store.files.delete(journal.at(-1) ?? '');
    expect(await stage()).toBe('canary 0.05');
    expect((await boot().registry.loadCurrent())?.inForce.configVersion).toBe(4);
    await learn();
    expect(await stage()).toBe('active 1');
  });
});

describe('two that write at once', () => {
  it('a step decided by what was read before somebody rolled back is not taken', async () => {
    const { boot, world, stage } = await atCanary();
    world.sides = sides(300, 1.5);
    world.meanwhile = async () => {
      await boot().operator.rollback({ toConfigVersion: 1, ...BY });
    };
    expect(await boot().conductTrial()).toBe(false);
    expect(await stage()).toBe('rolled-back 0');
  });
});
