import { describe, expect, it, vi } from 'vitest';
import type { Announcement, ViewStatistics } from '../../src/domain/index.ts';
import { createLearner } from '../../src/policy/learner.ts';
import { createRegistry } from '../../src/policy/registry.ts';
import { CREATED_AT, gaussianStatistics, testConfig } from './policy-fixtures.ts';
import { memoryLog, memoryStore } from './store-fixture.ts';

const config = testConfig();
const clock = { nowMs: () => Date.parse(CREATED_AT) };
const someViews = (n: number): ViewStatistics[] => [
  gaussianStatistics({ arm: 'baseline', n, mean: 60 }),
  gaussianStatistics({ arm: 'sparse', n, mean: 62 }),
];

async function setUp(store = memoryStore()) {
  const log = memoryLog();
  const registry = createRegistry({ store, clock, log });
  await registry.ensureInitial(config);
  const announced: Announcement[] = [];
  const world = { statistics: [] as ViewStatistics[], reads: 0, gate: Promise.resolve(), announceFails: false };
  const learner = createLearner({
    registry,
    readStatistics: async () => {
      world.reads += 1;
      const seen = world.statistics;
      await world.gate;
      return seen;
    },
    countViews: async () => ({ matured: 1000 }),
    conductTrial: async () => false,
    announce: async (announcement) => {
      if (world.announceFails) throw new Error('redis is away');
      announced.push(announcement);
    },
    clock,
    log,
  });
  return { store, registry, learner, announced, world, log };
}

describe('the learner', () => {
  it('publishes and announces a new allocation when there is something new, and only then', async () => {
    const { registry, learner, announced, world } = await setUp();
    expect(await learner.learn()).toMatchObject({ changed: false, allocationVersion: 1 });
    world.statistics = someViews(50);
    expect(await learner.learn()).toEqual({
      configVersion: 1,
      allocationVersion: 2,
      changed: true,
      views: { matured: 1000, used: 100 },
      durationMs: 0,
    });
    expect(await learner.learn()).toMatchObject({
      changed: false,
      allocationVersion: 2,
      views: { matured: 1000, used: 100 },
    });
    expect(announced).toEqual([{ type: 'policy.allocation', configVersion: 1, allocationVersion: 2 }]);
    expect((await registry.loadCurrent())?.allocation.contexts[0]?.level).toBe('cell');
  });

  it('makes the same allocation of the same statistics on any machine', async () => {
    const documents = await Promise.all(
      [someViews(50), someViews(50).reverse()].map(async (statistics) => {
        const { store, learner, world } = await setUp();
        world.statistics = statistics;
        await learner.learn();
        return store.files.get('policy/allocation/000002.json')?.toString();
      }),
    );
    expect(documents[0]).toBe(documents[1]);
  });

  it('refits under a new config although the views are the same', async () => {
    const { registry, learner, world } = await setUp();
    world.statistics = someViews(50);
    await learner.learn();
    await registry.publishConfig(testConfig({ configVersion: 2, parent: 1 }));
    expect(await learner.learn()).toMatchObject({ changed: true, configVersion: 2, allocationVersion: 3 });
  });

  it('loses a race gracefully: the first writer’s allocation stands', async () => {
    const store = memoryStore();
    const [one, other] = [await setUp(store), await setUp(store)];
    one.world.statistics = someViews(50);
    other.world.statistics = someViews(60);
    const results = await Promise.all([one.learner.learn(), other.learner.learn()]);
    expect(results.map(({ changed }) => changed).sort()).toEqual([false, true]);
    expect(results.map(({ allocationVersion }) => allocationVersion)).toEqual([2, 2]);
    expect(one.announced.length + other.announced.length).toBe(1);
  });

  it('steps over the number of a broken document', async () => {
    const { store, learner, world } = await setUp();
    store.files.set('policy/allocation/000002.json', Buffer.from('{'));
    world.statistics = someViews(50);
    expect(await learner.learn()).toMatchObject({ changed: true, allocationVersion: 3 });
  });

  it('runs one refit at a time; those who ask meanwhile share the next one, which sees what they sent', async () => {
    const { learner, world } = await setUp();
    let open = () => {};
    world.gate = new Promise((resolve) => {
      open = resolve;
    });
    world.statistics = someViews(50);
    const first = learner.learn();
    await vi.waitFor(() => expect(world.reads).toBe(1));
    const later = [learner.learn(), learner.learn(), learner.learn()];
    world.statistics = someViews(90);
    open();
    expect((await first).allocationVersion).toBe(2);
    expect(
      (await Promise.all(later)).map(({ allocationVersion, changed }) => ({ allocationVersion, changed })),
    ).toEqual(Array(3).fill({ allocationVersion: 3, changed: true }));
    expect(world.reads).toBe(2);
  });

  it('is not stopped by announcements that get lost, nor by a failure for the next time', async () => {
    const { store, learner, world, log } = await setUp();
    world.announceFails = true;
    world.statistics = someViews(50);
    expect((await learner.learn()).changed).toBe(true);
    expect(log.lines.some(({ level }) => level === 'warn')).toBe(true);
    store.away = true;
    await expect(learner.learn()).rejects.toThrow('store is away');
    store.away = false;
    expect((await learner.learn()).changed).toBe(false);
  });

  it('says so when there is no policy to refit', async () => {
    const log = memoryLog();
    const registry = createRegistry({ store: memoryStore(), clock, log });
    const learner = createLearner({
      registry,
      readStatistics: async () => [],
      countViews: async () => ({ matured: 0 }),
      conductTrial: async () => false,
      announce: async () => {},
      clock,
      log,
    });
    await expect(learner.learn()).rejects.toMatchObject({ code: 'policy.missing' });
  });
});
