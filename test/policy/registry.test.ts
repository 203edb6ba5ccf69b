import { describe, expect, it } from 'vitest';
import { buildAllocation } from '../../src/policy/allocate.ts';
import { createRegistry } from '../../src/policy/registry.ts';
import { CREATED_AT, gaussianStatistics, testConfig } from './policy-fixtures.ts';
import { memoryLog, memoryStore } from './store-fixture.ts';

const config = testConfig();
const clock = { nowMs: () => Date.parse(CREATED_AT) };

function setUp() {
  const store = memoryStore();
  const log = memoryLog();
  return { store, log, registry: createRegistry({ store, clock, log }) };
}
const allocationOf = (allocationVersion: number, used = config) =>
  buildAllocation({
    config: used,
    statistics: [gaussianStatistics({ arm: 'baseline', n: allocationVersion, mean: 60 })],
    previous: null,
    seed: 1,
    allocationVersion,
    createdAt: CREATED_AT,
    maturedViews: 0,
  });

describe('the registry', () => {
  it('starts an empty store with config 1 and its cold allocation 1', async () => {
    const { store, registry } = setUp();
    expect(await registry.loadCurrent()).toBeNull();
    const current = await registry.ensureInitial(config);
    expect([...store.files.keys()]).toEqual(['policy/config/000001.json', 'policy/allocation/000001.json']);
    expect(current.config).toEqual(config);
    expect(current.allocation).toMatchObject({ allocationVersion: 1, configVersion: 1, contexts: [{ level: 'cold' }] });
    expect(await registry.ensureInitial(testConfig({ reason: 'another' }))).toEqual(current);
  });

  it('lets any number of processes start it at once', async () => {
    const { store, log } = setUp();
    const registries = Array.from({ length: 5 }, () => createRegistry({ store, clock, log }));
    const all = await Promise.all(
      registries.map((each, index) => each.ensureInitial(testConfig({ actor: `host-${index}` }))),
    );
    expect(new Set(all.map(({ config: { actor } }) => actor)).size).toBe(1);
    expect(store.files.size).toBe(2);
  });

  it('finishes a start that a crash left half done', async () => {
    const { registry } = setUp();
    await registry.publishConfig(config);
    expect((await registry.ensureInitial(config)).allocation.allocationVersion).toBe(1);
  });

  it('lets the first writer of a number win', async () => {
    const { registry } = setUp();
    await registry.ensureInitial(config);
    expect(await registry.publishAllocation(allocationOf(2))).toEqual({ kind: 'published' });
    expect(await registry.publishAllocation({ ...allocationOf(2), seed: 9 })).toEqual({ kind: 'taken' });
    expect((await registry.loadCurrent())?.allocation.seed).toBe(1);
    expect(await registry.listVersions('allocation')).toEqual([1, 2]);
  });

  it('refuses to publish what is not a valid document', async () => {
    const { store, registry } = setUp();
    await expect(registry.publishConfig({ ...config, arms: [] })).rejects.toThrow(/baseline/);
    expect(store.files.size).toBe(0);
  });

  it('passes over a broken document, reports it, and never gives its number away', async () => {
    const { store, log, registry } = setUp();
    await registry.ensureInitial(config);
    store.files.set('policy/allocation/000002.json', Buffer.from('{"allocationVersion": 2, "conf'));
    expect((await registry.loadCurrent())?.allocation.allocationVersion).toBe(1);
    expect(log.lines.filter(({ level }) => level === 'error')).not.toHaveLength(0);
    expect(await registry.listVersions('allocation')).toEqual([1, 2]);
  });

  it('starts anew beside a store of broken documents', async () => {
    const { store, registry } = setUp();
    store.files.set('policy/config/000001.json', Buffer.from('nonsense'));
    expect(await registry.ensureInitial(config)).toMatchObject({
      config: { configVersion: 2 },
      allocation: { configVersion: 2 },
    });
  });

  it('serves an allocation with the config it was fitted under, until one under the new config is there', async () => {
    const { registry } = setUp();
    await registry.ensureInitial(config);
    const second = testConfig({ configVersion: 2, parent: 1 });
    await registry.publishConfig(second);
    expect(await registry.loadCurrent()).toMatchObject({
      config: { configVersion: 1 },
      inForce: { configVersion: 2 },
    });
    await registry.publishAllocation(allocationOf(2, second));
    expect(await registry.loadCurrent()).toMatchObject({
      config: { configVersion: 2 },
      allocation: { allocationVersion: 2 },
    });
  });

  it('orders versions as numbers and ignores other files', async () => {
    const { store, registry } = setUp();
    await registry.ensureInitial(config);
    for (const version of [2, 10, 9]) await registry.publishAllocation(allocationOf(version));
    store.files.set('policy/allocation/.000011.json.tmp', Buffer.from(''));
    expect(await registry.listVersions('allocation')).toEqual([1, 2, 9, 10]);
    expect((await registry.loadCurrent())?.allocation.allocationVersion).toBe(10);
    expect((await registry.readAllocation(9))?.allocationVersion).toBe(9);
    expect(await registry.readAllocation(77)).toBeNull();
  });
});
