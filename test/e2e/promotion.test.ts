import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PromotionStage, Rollout } from '../../src/domain/index.ts';
import { kill } from '../fixtures/chaos.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

const BY = { actor: 'ann', reason: 'to see what happens' };
const RENDITIONS = [
  { id: 'low', bitrateKbps: 300, quality: 40 },
  { id: 'mid', bitrateKbps: 900, quality: 70 },
  { id: 'high', bitrateKbps: 2400, quality: 90 },
].map(({ id, bitrateKbps, quality }, index) => ({
  id,
  width: 640 * (index + 1),
  height: 360 * (index + 1),
  fps: 30,
  codec: 'h264',
  bitrateKbps,
  quality: { phone: quality, tablet: quality, desktop: quality, tv: quality },
}));

/** Few views are enough here: what is told apart differs by twenty points. */
const IMPATIENT = { canaryShare: 0.4, rampShares: [0.5], minViews: 30, minEffectiveViews: 30 };

type Promotion = {
  inForceVersion: number;
  trial: { configVersion: number; stage: PromotionStage; share: number; verdict: { reason: string } } | null;
};
type History = { configs: { stage: PromotionStage | null }[]; operations: { reason: string }[] };
type Decided = {
  viewToken: string;
  sessionId: string;
  configVersion: number;
  rollout?: Rollout;
  eligible: { propensity: number }[];
};

let service: TestService;
beforeAll(async () => {
  service = await startService();
  const external = { id: 'watched', durationMs: 60_000, renditions: RENDITIONS };
  expect((await service.call('POST', '/v1/assets/external', external)).status).toBe(201);
  const settings = { changes: { promotion: IMPATIENT }, staged: false, ...BY };
  expect((await service.call('POST', '/v1/policy/configs', settings)).body).toMatchObject({
    configVersion: 2,
    staged: false,
  });
});
afterAll(() => service?.stop());

/** Session numbers: every view has its own. */
const numbers = Array.from({ length: 10_000 }, (_, index) => index).values();

/** Views that were decided and have ended; those of `better` saw the highest rung, all others the middle one. */
async function watch(count: number, better: number | null): Promise<Decided[]> {
  const sessions = Array.from({ length: count }, () => ({
    sessionId: `s-${numbers.next().value}`,
    assetId: 'watched',
    region: 'NO',
    device: 'phone',
    connection: 'wifi',
  }));
  const decided = await service.call<{ decisions: Decided[] }>('POST', '/v1/decisions', { sessions });
  expect(decided.status).toBe(200);
  const { decisions } = decided.body;
  const events = decisions.map(({ sessionId, viewToken, configVersion }, index) => ({
    type: 'view_end',
    eventId: 'end',
    sessionId,
    assetId: 'watched',
    ts: new Date().toISOString(),
    viewToken,
    playedMs: 30_000,
    stalledMs: 0,
    // Half a point of spread: views that are all the same tell no interval.
    startupMs: 400 + 500 * (index % 3),
    rungMs: { [configVersion === better ? 'high' : 'mid']: 30_000 },
  }));
  expect((await service.call('POST', '/v1/telemetry', { events })).status).toBe(202);
  return decisions;
}

const learn = () =>
  waitFor('a refit', async () => (await service.call('POST', '/v1/policy/learn', {})).status === 200, 180_000);
const promotion = async () => (await service.call<Promotion>('GET', '/v1/policy/promotion')).body;
const history = async () => (await service.call<{ history: History }>('GET', '/v1/policy/versions')).body.history;

/** Views and refits until the newest config is at that stage, or was five times not. */
async function watchUntil(wanted: PromotionStage, better: number | null): Promise<void> {
  const isThere = async () => (await history()).configs[0]?.stage === wanted;
  for (let turn = 0; turn < 5 && !(await isThere()); turn += 1) {
    await watch(200, better);
    await learn();
  }
  expect(await isThere(), (await promotion()).trial?.verdict.reason).toBe(true);
}

async function propose(changes: object): Promise<number> {
  const answer = await service.call<{ configVersion: number }>('POST', '/v1/policy/configs', { changes, ...BY });
  expect(answer.status).toBe(201);
  expect(await promotion()).toMatchObject({ trial: { configVersion: answer.body.configVersion, stage: 'shadow' } });
  return answer.body.configVersion;
}

describe('a config on trial', () => {
  it('comes into force by itself when its views are better, whatever is killed on the way', async () => {
    const better = await propose({ exploration: { budget: 0.2 } });
    await watchUntil('canary', better);
    await kill(service, 'worker');
    const given = await watch(200, better);
    expect(new Set(given.map(({ configVersion }) => configVersion))).toEqual(new Set([2, better]));
    for (const { configVersion, rollout, eligible } of given) {
      const share = configVersion === better ? 0.4 : 0.6;
      expect(rollout).toEqual({ trialVersion: better, stage: 'canary', share: expect.closeTo(share, 9) });
      expect(eligible.reduce((sum, { propensity }) => sum + propensity, 0)).toBeCloseTo(1, 9);
    }
    await kill(service, 'api');
    await waitFor('the API', async () => (await service.call('GET', '/healthz').catch(() => null))?.status === 200);
    await watchUntil('active', better);
    expect(await promotion()).toEqual({ inForceVersion: better, trial: null });
    const [decision] = await watch(1, null);
    expect(decision).toMatchObject({ configVersion: better });
    expect(decision).not.toHaveProperty('rollout');
  });

  it('is rolled back by itself when its views are worse, and the journal says why', async () => {
    const before = (await promotion()).inForceVersion;
    const worse = await propose({ exploration: { budget: 0.1 } });
    expect((await service.call('POST', '/v1/policy/promote', BY)).body).toMatchObject({ stage: 'canary', share: 0.4 });
    await watchUntil('rolled-back', before);
    expect((await promotion()).inForceVersion).toBe(before);
    const { configs, operations } = await history();
    expect(configs[0]).toMatchObject({ configVersion: worse, staged: true, stage: 'rolled-back' });
    expect(operations[0]).toMatchObject({ kind: 'stage', actor: 'nara', stage: 'rolled-back' });
    expect(operations[0]?.reason).toMatch(/worse/);
    expect((await watch(40, null)).every(({ configVersion }) => configVersion === before)).toBe(true);
  });
});
