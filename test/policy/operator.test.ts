import { describe, expect, it } from 'vitest';
import { withLaterStates } from '../../src/policy/edit-arms.ts';
import { createOperator, type PinRequest } from '../../src/policy/operator.ts';
import { createRegistry } from '../../src/policy/registry.ts';
import { createServingTable } from '../../src/policy/serving-table.ts';
import { CREATED_AT, DESKTOP, PHONE, testConfig } from './policy-fixtures.ts';
import { memoryLog, memoryStore } from './store-fixture.ts';

const config = testConfig();
const BY = { actor: 'ann', reason: 'to see what happens' };
const HOUR_MS = 3_600_000;

async function setUp() {
  const time = { ms: Date.parse(CREATED_AT) };
  const clock = { nowMs: () => time.ms };
  const store = memoryStore();
  const log = memoryLog();
  const registry = createRegistry({ store, clock, log });
  await registry.ensureInitial(config);
  const told: unknown[] = [];
  const announce = async (announcement: unknown) => void told.push(announcement);
  const operator = createOperator({ registry, announce, clock, log });
  const table = createServingTable({ registry, lastKnownGoodPath: '/dev/null/nowhere', clock, log });
  const pinRequest = (changes: Partial<PinRequest> = {}): PinRequest => ({
    region: PHONE.region,
    device: PHONE.device,
    connection: null,
    arm: 'low-floor',
    expiresAt: new Date(time.ms + HOUR_MS).toISOString(),
    ...BY,
    ...changes,
  });
  return { time, store, registry, operator, table, told, pinRequest };
}

const NEW_RUNGS = [
  { height: 240, bitrateKbps: 120, fps: 30 },
  { height: 480, bitrateKbps: 700, fps: 30 },
];

describe('arms', () => {
  it('a new one is published in a config that names its parent, actor and reason', async () => {
    const { operator, registry, told } = await setUp();
    const written = await operator.putArm('village', { rungs: NEW_RUNGS, ...BY });
    expect(written).toMatchObject({ kind: 'published', config: { configVersion: 2, parent: 1, ...BY } });
    const latest = await registry.configInForce();
    expect(latest?.arms.find(({ id }) => id === 'village')).toMatchObject({
      state: 'active',
      baseline: false,
      features: { floorKbps: 120, topKbps: 700, rungCount: 2, codec: 'h264' },
    });
    expect(told).toEqual([{ type: 'policy.config', configVersion: 2 }]);
  });

  it('asking for what is so already publishes nothing', async () => {
    const { operator, registry } = await setUp();
    expect(await operator.putArm('low-floor', { state: 'active', ...BY })).toMatchObject({ kind: 'unchanged' });
    expect(await registry.listVersions('config')).toEqual([1]);
  });

  it.each([
    ['a new one without a ladder', 'village', {}, 'arm.rungs-needed', 'rungs'],
    ['another ladder under a known id', 'low-floor', { rungs: NEW_RUNGS }, 'arm.ladder-fixed', 'rungs'],
    ['no baseline', 'baseline', { baseline: false }, 'arm.baseline-needed', 'baseline'],
    ['a baseline that is not offered', 'baseline', { state: 'paused' as const }, 'arm.baseline-active', 'state'],
  ])('refuses %s, naming the field', async (_what, id, request, code, path) => {
    const { operator } = await setUp();
    expect(await operator.putArm(id, { ...request, ...BY })).toMatchObject({ kind: 'refused', code, path });
  });

  it('two at once both land, one after the other', async () => {
    const { operator, registry } = await setUp();
    await Promise.all(['one', 'two', 'three'].map((id) => operator.putArm(id, { rungs: NEW_RUNGS, ...BY })));
    const ids = (await registry.configInForce())?.arms.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['one', 'two', 'three']));
    expect(await registry.listVersions('config')).toEqual([1, 2, 3, 4]);
  });

  it('another baseline takes the place of the old one', async () => {
    const { operator } = await setUp();
    const written = await operator.putArm('mid', { baseline: true, ...BY });
    if (written.kind === 'refused') throw new Error(written.code);
    expect(written.config.arms.filter((arm) => arm.baseline).map(({ id }) => id)).toEqual(['mid']);
  });

  it('a paused one is out of play before anything is refitted', async () => {
    const { operator, table } = await setUp();
    await table.start();
    await operator.putArm('low-floor', { state: 'paused', ...BY });
    await table.refresh();
    const served = table.current();
    expect(served.config.configVersion).toBe(1);
    expect(served.config.arms.find(({ id }) => id === 'low-floor')?.state).toBe('paused');
    await table.stop();
  });

  it('an arm that a later config does not know is out of play, the baseline never is', () => {
    const later = { ...config, configVersion: 2, arms: config.arms.filter(({ id }) => id === 'mid') };
    const states = Object.fromEntries(withLaterStates(config, later).arms.map(({ id, state }) => [id, state]));
    expect(states).toMatchObject({ baseline: 'active', mid: 'active', sparse: 'retired' });
  });
});

describe('rolling back', () => {
  it('publishes what the earlier config said under a new number, and says how it differs', async () => {
    const { operator } = await setUp();
    await operator.putArm('low-floor', { state: 'retired', ...BY });
    const back = await operator.rollback({ toConfigVersion: 1, ...BY });
    expect(back).toMatchObject({ kind: 'published', config: { configVersion: 3, parent: 2, arms: config.arms } });
    const { configs } = await operator.history(10);
    expect(configs.map(({ configVersion, diff }) => [configVersion, diff])).toEqual([
      [3, [{ path: 'arms.low-floor.state', before: 'retired', after: 'active' }]],
      [2, [{ path: 'arms.low-floor.state', before: 'active', after: 'retired' }]],
      [1, []],
    ]);
  });

  it('refuses a config that never was, and changes nothing when nothing differs', async () => {
    const { operator } = await setUp();
    expect(await operator.rollback({ toConfigVersion: 9, ...BY })).toMatchObject({ path: 'toConfigVersion' });
    expect(await operator.rollback({ toConfigVersion: 1, ...BY })).toMatchObject({ kind: 'unchanged' });
  });
});

describe('pins', () => {
  it('hold until they expire, in their place alone', async () => {
    const { operator, table, time, pinRequest } = await setUp();
    await table.start();
    await operator.pin(pinRequest());
    await table.refresh();
    const { pinnedArm } = table.current();
    expect(pinnedArm(PHONE)).toBe('low-floor');
    expect(pinnedArm(DESKTOP)).toBeNull();
    time.ms += HOUR_MS;
    expect(pinnedArm(PHONE)).toBeNull();
    expect(await operator.pins()).toEqual([]);
    await table.stop();
  });

  it('one of a connection goes before one of all; a later one takes the place of an earlier one', async () => {
    const { operator, table, pinRequest } = await setUp();
    await operator.pin(pinRequest({ arm: 'sparse' }));
    await operator.pin(pinRequest({ connection: PHONE.connection, arm: 'mid' }));
    await operator.pin(pinRequest({ arm: 'dense' }));
    await table.start();
    expect(table.current().pinnedArm(PHONE)).toBe('mid');
    expect(table.current().pinnedArm({ ...PHONE, connection: 'wired' })).toBe('dense');
    expect((await operator.pins()).map(({ id }) => id)).toEqual(['pin-3', 'pin-2']);
    await table.stop();
  });

  it('end when they are removed, which is kept with who and why', async () => {
    const { operator, pinRequest } = await setUp();
    await operator.pin(pinRequest());
    expect(await operator.unpin('pin-1', BY)).toMatchObject({ kind: 'unpinned', pin: { arm: 'low-floor' } });
    expect(await operator.unpin('pin-1', BY)).toEqual({ kind: 'unknown' });
    expect(await operator.pins()).toEqual([]);
    expect((await operator.history(10)).operations).toMatchObject([{ kind: 'unpin', ...BY }, { kind: 'pin' }]);
  });

  it.each([
    ['an arm that is not there', { arm: 'nonesuch' }, 'arm'],
    ['a time that has passed', { expiresAt: CREATED_AT }, 'expiresAt'],
    ['a time out of sight', { expiresAt: '2027-03-01T12:00:00.000Z' }, 'expiresAt'],
  ])('refuses %s', async (_what, changes, path) => {
    const { operator, pinRequest } = await setUp();
    expect(await operator.pin(pinRequest(changes))).toMatchObject({ kind: 'refused', path });
  });
});
