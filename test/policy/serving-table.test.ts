import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coldAllocation } from '../../src/policy/allocate.ts';
import { createRegistry } from '../../src/policy/registry.ts';
import { createServingTable } from '../../src/policy/serving-table.ts';
import { CREATED_AT, testConfig } from './policy-fixtures.ts';
import { memoryLog, memoryStore } from './store-fixture.ts';

const config = testConfig();
const clock = { nowMs: () => Date.parse(CREATED_AT) };
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'serving-table-'));
  path = join(directory, 'data', 'policy-last-known-good.json');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function setUp(store = memoryStore()) {
  const log = memoryLog();
  const registry = createRegistry({ store, clock, log });
  return { store, log, registry, table: createServingTable({ registry, lastKnownGoodPath: path, clock, log }) };
}
const second = coldAllocation({ config, seed: 1, allocationVersion: 2, createdAt: CREATED_AT });

describe('the serving table', () => {
  it('serves what the store has, and what was published after the next refresh', async () => {
    const { registry, table } = setUp();
    await registry.ensureInitial(config);
    await table.start();
    expect(table.current().allocation.allocationVersion).toBe(1);
    await registry.publishAllocation(second);
    await table.refresh();
    expect(table.current().allocation.allocationVersion).toBe(2);
    expect(table.origin()).toBe('store');
    await table.stop();
  });

  it('keeps serving while the store is away, says so once, and catches up when it is back', async () => {
    const { store, registry, table, log } = setUp();
    await registry.ensureInitial(config);
    await table.start();
    store.away = true;
    await table.refresh();
    await table.refresh();
    expect(table.current().allocation.allocationVersion).toBe(1);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    store.away = false;
    await registry.publishAllocation(second);
    await table.refresh();
    expect(table.current().allocation.allocationVersion).toBe(2);
    await table.stop();
  });

  it('starts from the last known good policy on disk when the store is away', async () => {
    const first = setUp();
    await first.registry.ensureInitial(config);
    await first.registry.publishAllocation(second);
    await first.table.start();
    await first.table.stop();
    expect(await readdir(join(directory, 'data'))).toEqual(['policy-last-known-good.json']);
    const { store, table } = setUp();
    store.away = true;
    await table.start();
    expect(table.origin()).toBe('disk');
    expect(table.current().allocation).toEqual(second);
    expect(table.current().config).toEqual(config);
    await table.stop();
  });

  it('starts from the built-in prior when there is nothing at all, or nothing readable', async () => {
    for (const onDisk of [null, '{"config": {']) {
      if (onDisk !== null) {
        await writeFile(join(directory, 'broken.json'), onDisk);
        path = join(directory, 'broken.json');
      }
      const { store, table } = setUp();
      store.away = true;
      await table.start();
      expect(table.origin()).toBe('built-in');
      expect(table.current()).toMatchObject({ config: { configVersion: 0 }, allocation: { allocationVersion: 0 } });
      expect(table.current().everywhere.entry.level).toBe('cold');
      await table.stop();
    }
  });

  it('does not mind a disk it cannot write to', async () => {
    path = join(directory, 'file', 'x.json');
    await writeFile(join(directory, 'file'), '');
    const { registry, table } = setUp();
    await registry.ensureInitial(config);
    await table.start();
    expect(table.origin()).toBe('store');
    await table.stop();
  });
});
