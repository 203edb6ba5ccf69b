import { describe, expect, it } from 'vitest';
import type { PromotionEvidence } from '../../../src/domain/index.ts';
import { judgeTrial, nextStage } from '../../../src/policy/promotion/judge-trial.ts';
import type { Trial } from '../../../src/policy/promotion/stages.ts';
import { CREATED_AT, testConfig } from '../policy-fixtures.ts';

const config = testConfig();
const { promotion } = config;
const NOW_MS = Date.parse(CREATED_AT);
const between = (low: number, high: number) => ({ difference: (low + high) / 2, low, high });
const even = between(-0.002, 0.002);
const EVEN = { stallRatio: even, startFailure: even, unheard: even };

type Asked = Partial<Pick<Trial, 'stage' | 'share' | 'held' | 'since'>>;
const judge = (trial: Asked, evidence: Partial<PromotionEvidence>, nowMs = NOW_MS) =>
  judgeTrial({
    trial: { stage: 'canary', share: 0.05, held: false, since: CREATED_AT, ...trial },
    evidence: { shadow: null, trial: null, ...evidence },
    settings: config,
    nowMs,
  });
const shadow = (effectiveViews: number, low: number, high: number) => ({
  shadow: {
    views: 5000,
    effectiveViews,
    unsupportedShare: 0,
    logged: 70,
    snips: 70,
    dr: 70,
    dros: 70,
    gain: between(low, high),
  },
});
const trial = (views: number, low: number, high: number, more: object = {}) => ({
  trial: { views, controlViews: 20_000, reward: between(low, high), ...EVEN, ...more },
});
const SHADOW = { stage: 'shadow', share: 0 } as const;
const LAST_RAMP = { stage: 'ramp', share: 0.5 } as const;

describe('a shadow', () => {
  it('waits until logged views are as good as enough views of its own, whatever they say', () => {
    expect(judge(SHADOW, {})).toMatchObject({ kind: 'stay' });
    expect(judge(SHADOW, shadow(promotion.minEffectiveViews - 1, 3, 4))).toMatchObject({ kind: 'stay' });
    expect(judge(SHADOW, shadow(promotion.minEffectiveViews - 1, -9, -5))).toMatchObject({ kind: 'stay' });
  });

  it('waits while harm is not ruled out, and is ended when it is sure', () => {
    expect(judge(SHADOW, shadow(2000, -1.2, 4))).toMatchObject({ kind: 'stay' });
    expect(judge(SHADOW, shadow(2000, -9, -1.1))).toMatchObject({ kind: 'move', stage: 'rolled-back', share: 0 });
  });

  it('becomes a canary when harm is ruled out', () => {
    expect(judge(SHADOW, shadow(2000, -0.8, 0.9))).toMatchObject({ kind: 'move', stage: 'canary', share: 0.05 });
  });
});

describe('a canary', () => {
  it('needs enough views of both sides', () => {
    expect(judge({}, trial(199, 1, 2))).toMatchObject({ kind: 'stay' });
  });

  it('goes on while little is at stake at the next share, even if it may be worse', () => {
    // A quarter of the views at 3.9 points less is just under a point for all.
    expect(judge({}, trial(300, -3.9, 5))).toMatchObject({ kind: 'move', stage: 'ramp', share: 0.25 });
    expect(judge({}, trial(300, -4.1, 5))).toMatchObject({ kind: 'stay' });
  });

  it.each([
    ['is surely worse', trial(300, -3, -0.1), /worse/],
    ['stalls more', trial(300, -1, 3, { stallRatio: between(0.011, 0.03) }), /stalls/],
    ['fails to start more often', trial(300, -1, 3, { startFailure: between(0.021, 0.05) }), /start/],
    ['loses views', trial(300, -1, 3, { unheard: between(0.021, 0.05) }), /never heard/],
  ])('is rolled back when it %s, also while it is held', (_what, evidence, reason) => {
    for (const held of [false, true]) {
      const verdict = judge({ held }, evidence);
      expect(verdict).toMatchObject({ kind: 'move', stage: 'rolled-back', share: 0 });
      expect(verdict.reason).toMatch(reason);
    }
  });

  it('is not condemned by a handful of views', () => {
    expect(judge({}, trial(config.guardrails.minViews - 1, -30, -20))).toMatchObject({ kind: 'stay' });
  });

  it('stays while it is held, however good it looks', () => {
    expect(judge({ held: true }, trial(5000, 2, 4))).toMatchObject({ kind: 'stay' });
  });
});

describe('a ramp', () => {
  it('rises step by step, each with more views, and comes into force only when surely better', () => {
    expect(judge({ stage: 'ramp', share: 0.25 }, trial(399, 1, 2))).toMatchObject({ kind: 'stay' });
    expect(judge({ stage: 'ramp', share: 0.25 }, trial(400, 1, 2))).toMatchObject({ stage: 'ramp', share: 0.5 });
    expect(judge(LAST_RAMP, trial(5000, 0, 1))).toMatchObject({ kind: 'stay' });
    expect(judge(LAST_RAMP, trial(5000, 0.01, 1))).toMatchObject({ kind: 'move', stage: 'active', share: 1 });
  });

  it('is ended when its time is up and nothing is decided', () => {
    const late = NOW_MS + promotion.patienceDays * 86_400_000 + 1;
    expect(judge(LAST_RAMP, trial(5000, -0.2, 0.4), late)).toMatchObject({ stage: 'rolled-back' });
    expect(judge(LAST_RAMP, trial(5000, 0.1, 0.4), late)).toMatchObject({ stage: 'active' });
    expect(judge({ ...LAST_RAMP, held: true }, trial(5000, -0.2, 0.4), late)).toMatchObject({ kind: 'stay' });
  });
});

describe('the next stage', () => {
  it('is the canary, then each larger share, then all', () => {
    const path = [nextStage(SHADOW, promotion)];
    for (let steps = 0; steps < 3; steps += 1) {
      const last = path.at(-1);
      if (last && last.stage !== 'active') path.push(nextStage({ stage: last.stage, share: last.share }, promotion));
    }
    expect(path.map(({ stage, share }) => `${stage} ${share}`)).toEqual([
      'canary 0.05',
      'ramp 0.25',
      'ramp 0.5',
      'active 1',
    ]);
  });
});
