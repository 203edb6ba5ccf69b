import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisDecisions } from '../../../src/delivery/redis-decisions.ts';
import { StandingDecisions } from '../../../src/delivery/standing-decisions.ts';
import { type Decision, UNKNOWN_CONTEXT } from '../../../src/domain/index.ts';
import { findParentDeathSignal } from '../../../src/supervisor/die-with-parent.ts';
import { freePort } from '../../../src/supervisor/free-port.ts';
import { redisChild, redisChildUrl } from '../../../src/supervisor/redis-child.ts';
import { type SupervisedChild, supervise } from '../../../src/supervisor/supervise.ts';

const log = pino({ level: 'silent' });
let dataDir: string;
let child: SupervisedChild;
let redis: Redis;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-forget-'));
  const port = await freePort('127.0.0.1');
  child = supervise({
    ...(await redisChild({ dataDir, port, password: 'secret', log })),
    name: 'redis',
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 2_000,
    tieToParent: await findParentDeathSignal(),
    log,
  });
  child.start();
  await child.whenReady();
  redis = new Redis(redisChildUrl(port, 'secret'));
  await redis.ping();
});
afterAll(async () => {
  redis.disconnect();
  await child.stop();
  await rm(dataDir, { recursive: true });
});

const decision = (sessionId: string, assetId: string, generation = 0): Decision => ({
  viewId: `v_${'x'.repeat(22)}`,
  sessionId,
  assetId,
  generation,
  decidedAt: new Date().toISOString(),
  configVersion: 1,
  allocationVersion: 1,
  revision: 1,
  context: UNKNOWN_CONTEXT,
  fallbackLevel: 'cold',
  arm: 'baseline',
  setHash: 'set',
  propensity: 1,
  eligible: [{ arm: 'baseline', propensity: 1, setHash: 'set' }],
  reason: 'fallback',
  rungs: [{ renditionId: 'low', width: 640, height: 360, bitrateKbps: 300 }],
  covariates: {},
});

describe('decisions that are forgotten', () => {
  const standing = () =>
    new StandingDecisions({
      shared: createRedisDecisions(redis, 'test:', Date.now),
      logged: async () => [],
      isAnyLoggedBefore: async () => false,
      clock: { nowMs: () => Date.now() },
      onUnavailable: (part, error) => {
        throw new Error(part, { cause: error });
      },
    });
  const known = async (process: StandingDecisions, ...pairs: [string, string][]) => {
    const found = await process.find(pairs.map(([sessionId, assetId]) => ({ sessionId, assetId })));
    return found.map(({ kind }) => kind);
  };
  const PAIRS: [string, string][] = [
    ['s1', 'a_1'],
    ['s1', 'a_2'],
    ['s11', 'a_1'],
    ['s2', 'a_11'],
  ];

  it('are those of the session or about the asset, here and in Redis, and no others', async () => {
    const process = standing();
    await process.claim([...PAIRS.map(([session, asset]) => decision(session, asset)), decision('s1', 'a_1', 1)]);
    await process.forget({ sessionId: 's1' });
    const left = ['free', 'free', 'stands', 'stands'];
    expect(await known(process, ...PAIRS)).toEqual(left);
    expect(await known(standing(), ...PAIRS)).toEqual(left);
    await process.forget({ assetId: 'a_1' });
    expect(await known(standing(), ...PAIRS)).toEqual(['free', 'free', 'free', 'stands']);
    expect(await redis.keys('test:decision:*')).toEqual(['test:decision:s2\na_11\n0']);
  });

  it('are found however many others there are', async () => {
    const process = standing();
    await process.claim(Array.from({ length: 5_000 }, (_, n) => decision(`many-${n}`, 'a_many')));
    await process.forget({ assetId: 'a_many' });
    expect(await redis.keys('test:*many*')).toEqual([]);
  });
});
