import { beforeEach, describe, expect, it } from 'vitest';
import { createDecider, type DecidePorts } from '../../src/delivery/decide-views.ts';
import { type SharedDecisions, STANDING_MS, StandingDecisions } from '../../src/delivery/standing-decisions.ts';
import { deriveViewKeys } from '../../src/delivery/view-identity.ts';
import type { Context, Decision, DecisionRecord } from '../../src/domain/index.ts';
import { hostedAsset, rendition } from '../fixtures/assets.ts';

const keys = deriveViewKeys('a secret of the tests');
const context: Context = { region: 'NO', device: 'phone', connection: 'cellular' };
const request = (sessionId: string, assetId = 'a_1') => ({ sessionId, assetId, context, covariates: {} });

const rung = (renditionId: string, bitrateKbps: number) => ({ renditionId, width: 640, height: 360, bitrateKbps });

/** Redis and ClickHouse as maps that can be switched off. */
function world() {
  const shared = new Map<string, string>();
  const state = {
    nowMs: 1_700_000_000_000,
    arm: 'first',
    redisAway: false,
    redisAsked: 0,
    completeSinceMs: 0,
    logged: [] as DecisionRecord[],
    logAsked: 0,
    asset: hostedAsset({
      id: 'a_1',
      revision: 2,
      renditions: [rendition({ id: 'low', bitrateKbps: 300 }), rendition({ id: 'high', bitrateKbps: 900 })],
    }),
  };
  const redis: SharedDecisions = {
    read: async (wanted) => {
      state.redisAsked += 1;
      if (state.redisAway) throw new Error('away');
      return { values: wanted.map((key) => shared.get(key) ?? null), completeSinceMs: state.completeSinceMs };
    },
    claim: async (entries) => {
      state.redisAsked += 1;
      if (state.redisAway) throw new Error('away');
      return entries.map(({ key, value }) => {
        const standing = shared.get(key) ?? null;
        if (standing === null) shared.set(key, value);
        return standing;
      });
    },
    forget: async () => {},
  };
  /** A new API process over the same Redis and ClickHouse. */
  const newProcess = (overrides: Partial<DecidePorts> = {}) => {
    const standing = new StandingDecisions({
      shared: redis,
      logged: async (pairs) =>
        state.logged.filter((record) => pairs.some((pair) => pair.sessionId === record.sessionId)) as Decision[],
      isAnyLoggedBefore: async (beforeMs) => {
        state.logAsked += 1;
        return state.logged.some(({ decidedAt }) => Date.parse(decidedAt) < beforeMs);
      },
      clock: { nowMs: () => state.nowMs },
      onUnavailable: () => {},
    });
    return createDecider(
      {
        asset: async (id) => (id === 'a_1' ? state.asset : null),
        choose: ({ decodes }) => ({
          ...(decodes.includes('av1') ? { codec: { codec: 'av1' as const, propensity: 0.95 } } : {}),
          configVersion: 1,
          allocationVersion: 1,
          fallbackLevel: 'cell',
          arm: state.arm,
          setHash: 'x',
          propensity: 0.5,
          eligible: [{ arm: state.arm, propensity: 1, setHash: 'x' }],
          reason: 'learned',
          rungs: [rung('low', 300)],
        }),
        resolve: ({ codec }) => [codec === 'av1' ? rung('high-av1', 500) : rung('high', 900)],
        standing,
        log: async (records) => {
          state.logged.push(...records);
          return { kind: 'stored' };
        },
        clock: { nowMs: () => state.nowMs },
        ...overrides,
      },
      keys,
    );
  };
  return { state, shared, newProcess };
}

async function decideOne(decide: ReturnType<typeof createDecider>, sessionId: string) {
  const batch = await decide([request(sessionId)]);
  if (batch.kind !== 'decided' || batch.results[0]?.kind !== 'decided') throw new Error('expected a decision');
  return batch.results[0];
}

describe('decideViews', () => {
  let host: ReturnType<typeof world>;
  beforeEach(() => {
    host = world();
  });

  it('logs a decision before it answers, once', async () => {
    const decide = host.newProcess();
    const { decision } = await decideOne(decide, 's1');
    await decideOne(decide, 's1');
    expect(host.state.logged.map((record) => record.viewId)).toEqual([decision.viewId]);
    expect(host.state.logged[0]?.renditions.map(({ id }) => id)).toEqual(['low', 'high']);
  });

  it('logs the whole decision, and of its asset what outcomes are scored by on that device', async () => {
    host.state.asset = {
      ...host.state.asset,
      renditions: [
        rendition({
          id: 'low',
          bitrateKbps: 300,
          quality: { phone: 61, tablet: 57, desktop: 52, tv: 47 },
          qualityMeasured: true,
        }),
        rendition({ id: 'high', bitrateKbps: 900, qualityMeasured: false }),
      ],
    };
    const rollout = { trialVersion: 2, stage: 'canary', share: 0.05 } as const;
    const inTrial = host.newProcess({
      choose: () => ({
        configVersion: 2,
        allocationVersion: 3,
        fallbackLevel: 'region',
        arm: 'first',
        setHash: 'x',
        propensity: 0.25,
        eligible: [{ arm: 'first', propensity: 0.25, setHash: 'x' }],
        reason: 'explore',
        rungs: [rung('low', 300)],
        codec: { codec: 'av1', propensity: 0.95 },
        rollout,
      }),
    });
    const asked = { ...request('s1'), covariates: { throughputKbps: 800 }, block: 'b1', decodes: ['av1' as const] };
    const batch = await inTrial([asked]);
    if (batch.kind !== 'decided' || batch.results[0]?.kind !== 'decided') throw new Error('expected a decision');
    const { decision, asset } = batch.results[0];
    expect(decision).toMatchObject({ rollout, codec: { codec: 'av1' }, decodes: ['av1'], configVersion: 2 });
    expect(host.state.logged).toEqual([
      {
        ...decision,
        owner: asset.owner,
        block: 'b1',
        liftPanel: false,
        holdout: false,
        complexityScale: asset.complexityScale,
        renditions: [
          { id: 'low', bitrateKbps: 300, quality: 61 },
          { id: 'high', bitrateKbps: 900, quality: null },
        ],
      },
    ]);
    expect([...host.shared.values()].map((text) => JSON.parse(text))).toEqual([decision]);
  });

  it('keeps a view on its arm whatever has been learned meanwhile', async () => {
    const decide = host.newProcess();
    const first = await decideOne(decide, 's1');
    host.state.arm = 'second';
    const again = await decideOne(decide, 's1');
    expect(again.decision).toEqual(first.decision);
    expect((await decideOne(decide, 's2')).decision.arm).toBe('second');
  });

  it('keeps a view in its trial whatever becomes of the trial, and asks for its draw only where there is one', async () => {
    const during = host.newProcess({
      choose: ({ rolloutDraw }) => ({
        configVersion: 2,
        allocationVersion: 1,
        fallbackLevel: 'cell',
        arm: 'first',
        setHash: 'x',
        propensity: 1,
        eligible: [{ arm: 'first', propensity: 1, setHash: 'x' }],
        reason: 'learned',
        rungs: [rung('low', 300)],
        rollout: { trialVersion: 2, stage: 'canary', share: rolloutDraw() < 1 ? 0.05 : 0 },
      }),
    });
    const first = await decideOne(during, 's1');
    expect(first.decision.rollout).toEqual({ trialVersion: 2, stage: 'canary', share: 0.05 });
    expect(host.state.logged[0]?.rollout).toEqual(first.decision.rollout);
    expect((await decideOne(host.newProcess(), 's1')).decision).toEqual(first.decision);
    expect((await decideOne(host.newProcess(), 's2')).decision).not.toHaveProperty('rollout');
  });

  it('keeps a view on its arm after the process is lost, by Redis', async () => {
    const first = await decideOne(host.newProcess(), 's1');
    host.state.arm = 'second';
    expect((await decideOne(host.newProcess(), 's1')).decision).toEqual(first.decision);
  });

  it('keeps a view on its arm after process and Redis are lost, by ClickHouse', async () => {
    const first = await decideOne(host.newProcess(), 's1');
    host.shared.clear();
    host.state.completeSinceMs = host.state.nowMs + 1;
    host.state.arm = 'second';
    expect((await decideOne(host.newProcess(), 's1')).decision.arm).toBe(first.decision.arm);
  });

  it('lets the first of one pair decide when a batch asks for it twice', async () => {
    const elsewhere = { ...request('s1'), context: { ...context, region: 'DE' } };
    const batch = await host.newProcess()([request('s1'), elsewhere]);
    const regions =
      batch.kind === 'decided'
        ? batch.results.map((result) => result.kind === 'decided' && result.decision.context.region)
        : [];
    expect(regions).toEqual(['NO', 'NO']);
  });

  it('does not ask a part again at once that did not answer', async () => {
    host.state.redisAway = true;
    const decide = host.newProcess();
    for (let n = 0; n < 50; n += 1) await decideOne(decide, `s${n}`);
    expect(host.state.redisAsked).toBeLessThan(3);
    host.state.nowMs += 10_000;
    host.state.redisAway = false;
    await decideOne(decide, 'later');
    expect(host.shared.size).toBe(1);
  });

  it('asks the log about the time before Redis once a minute, and about each pair only if there was one', async () => {
    host.state.completeSinceMs = host.state.nowMs - 1;
    const decide = host.newProcess();
    for (let n = 0; n < 50; n += 1) await decideOne(decide, `new${n}`);
    expect(host.state.logAsked).toBe(1);
    host.state.nowMs += 61_000;
    await decideOne(decide, 'later');
    expect(host.state.logAsked).toBe(2);
  });

  it('decides while Redis is away, and gives the view the same id as ever', async () => {
    const first = await decideOne(host.newProcess(), 's1');
    host.state.redisAway = true;
    host.state.logged = [];
    expect((await decideOne(host.newProcess(), 's1')).decision.viewId).toBe(first.decision.viewId);
  });

  it('lets the first of two hosts win', async () => {
    const [one, other] = [host.newProcess(), host.newProcess()];
    const first = await decideOne(one, 's1');
    host.state.arm = 'second';
    expect((await decideOne(other, 's1')).decision.arm).toBe(first.decision.arm);
  });

  it('makes a new view with a new id after 24 hours, even in a new process', async () => {
    const first = await decideOne(host.newProcess(), 's1');
    host.state.nowMs += STANDING_MS + 1;
    host.state.arm = 'second';
    const next = await decideOne(host.newProcess(), 's1');
    expect(next.decision.viewId).not.toBe(first.decision.viewId);
    expect(next.decision.generation).toBe(1);
    expect((await decideOne(host.newProcess(), 's1')).decision.viewId).toBe(next.decision.viewId);
  });

  it('offers the newest renditions of its arm after a new revision, and logs the view again under the same id', async () => {
    const decide = host.newProcess();
    const first = await decideOne(decide, 's1');
    host.state.asset = { ...host.state.asset, revision: 3 };
    const again = await decideOne(decide, 's1');
    expect(again.decision.viewId).toBe(first.decision.viewId);
    expect(again.offered.map((rung) => rung.renditionId)).toEqual(['high']);
    expect(host.state.logged.map(({ viewId, revision }) => [viewId, revision])).toEqual([
      [first.decision.viewId, 2],
      [first.decision.viewId, 3],
    ]);
  });

  it('offers a codec to the view whose player has said that it decodes it, and H.264 to whoever comes back without saying so', async () => {
    const decide = host.newProcess();
    const ask = async (decodes?: 'av1'[]) => {
      const batch = await decide([{ ...request('s1'), ...(decodes ? { decodes } : {}) }]);
      if (batch.kind !== 'decided' || batch.results[0]?.kind !== 'decided') throw new Error('expected a decision');
      return batch.results[0];
    };
    const first = await ask(['av1']);
    expect(first.decision).toMatchObject({ decodes: ['av1'], codec: { codec: 'av1', propensity: 0.95 } });
    const silent = await ask();
    expect(silent.offered.map(({ renditionId }) => renditionId)).toEqual(['high']);
    expect(silent.decision).toMatchObject({ viewId: first.decision.viewId, arm: first.decision.arm, decodes: [] });
    expect(silent.decision.codec).toBeUndefined();
    // The decision itself stands, and a new revision is in its codec again.
    host.state.asset = { ...host.state.asset, revision: 3 };
    expect((await ask(['av1'])).offered.map(({ renditionId }) => renditionId)).toEqual(['high-av1']);
    expect(host.state.logged.map(({ codec, rungs }) => [codec?.codec, rungs[0]?.renditionId])).toEqual([
      ['av1', 'low'],
      [undefined, 'high'],
      ['av1', 'high-av1'],
    ]);
  });

  it('keeps a view that was decided in H.264 there, whatever its player says later', async () => {
    const decide = host.newProcess();
    const first = await decideOne(decide, 's1');
    const batch = await decide([{ ...request('s1'), decodes: ['av1'] }]);
    expect(batch.kind === 'decided' && batch.results).toEqual([first]);
  });

  it('answers unknown and unplayable assets one by one, and decides the rest', async () => {
    const decide = host.newProcess();
    const batch = await decide([request('s1', 'a_2'), request('s1')]);
    expect(batch.kind === 'decided' && batch.results.map(({ kind }) => kind)).toEqual(['unknown-asset', 'decided']);
    host.state.asset = { ...host.state.asset, availability: 'none' };
    const later = await host.newProcess()([request('s3')]);
    expect(later.kind === 'decided' && later.results.map(({ kind }) => kind)).toEqual(['not-playable']);
  });

  it('leaves no trace when only peeking', async () => {
    const decide = host.newProcess();
    await decide([request('s1')], { peek: true });
    expect(host.state.logged).toEqual([]);
    host.state.arm = 'second';
    expect((await decideOne(decide, 's1')).decision.arm).toBe('second');
  });

  it('does not answer a decision that could not be logged', async () => {
    const decide = host.newProcess({ log: async () => ({ kind: 'full', retryAfterSeconds: 5 }) });
    expect(await decide([request('s1')])).toEqual({ kind: 'full', retryAfterSeconds: 5 });
  });
});
