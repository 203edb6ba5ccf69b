import { describe, expect, it } from 'vitest';
import { independentThompson, linearBandit, staticBaseline } from '../../bench/learn/bandits.ts';
import { bootstrapRatio } from '../../bench/learn/bootstrap.ts';
import { bdRate } from '../../bench/learn/bytes-at-quality.ts';
import { guardrailCost } from '../../bench/learn/guardrail-cost.ts';
import { BATCH, meanRewards, oracleArms, type ReplayPolicy, replay } from '../../bench/learn/replay.ts';
import { cellOf, KEPT, type RewardTable } from '../../bench/learn/reward-table.ts';
import { uniforms } from '../policy/policy-fixtures.ts';

const ARMS = 3;
const PER_FAMILY = 20;

/** Two families whose best arms are 1 and 2, each 3 points above the baseline, with noise that is the same for every arm. */
function table(noise = 5): RewardTable {
  const rng = uniforms(4);
  const sessions = Array.from({ length: 2 * PER_FAMILY }, (_, index) => ({
    family: Math.floor(index / PER_FAMILY),
    file: index % 10,
    title: 0,
    throughput: rng(),
    prospects: [50, 50] as const,
  }));
  const made: RewardTable = {
    contexts: ['AA', 'BB'].flatMap((region) =>
      (['phone', 'desktop'] as const).map((device) => ({ region, device, connection: 'unknown' as const })),
    ),
    families: ['a', 'b'],
    files: Array.from({ length: 10 }, (_, index) => `f${index}`),
    sessions,
    byFamily: [0, 1].map((family) => sessions.flatMap((one, index) => (one.family === family ? [index] : []))),
    arms: ARMS,
    values: new Float64Array(sessions.length * 2 * ARMS * KEPT.length),
    rewards: new Float64Array(sessions.length * 2 * ARMS),
  };
  for (const [session, { family }] of sessions.entries()) {
    for (const device of [0, 1]) {
      const level = 60 + noise * (rng() - 0.5);
      for (let arm = 0; arm < ARMS; arm += 1) {
        made.rewards[cellOf(made, session, device, arm)] = level + (arm === 0 ? 0 : arm === 1 + family ? 3 : -5);
      }
    }
  }
  return made;
}

const always = (choose: ReplayPolicy['choose']): ReplayPolicy => ({ name: 'made', choose, learn: () => {} });
const VIEWS = 20 * BATCH;
const scale = { mean: 60, sd: 5, throughputMean: 0.5, throughputSd: 0.3, prospectMean: 50, prospectSd: 10 };
const shape = { contexts: 4, arms: ARMS, scale };

describe('replaying views over a reward table', () => {
  it('the oracle is each context’s best arm, and regrets nothing', () => {
    expect(oracleArms(table())).toEqual([1, 1, 2, 2]);
    const result = replay(
      table(),
      always(({ context }) => (context < 2 ? 1 : 2)),
      1,
      'stationary',
      VIEWS,
    );
    expect(result.mean).toBe(0);
    expect([...result.byFile].every((lost) => lost === 0)).toBe(true);
  });

  it('the baseline regrets exactly what the best arm is better by, in every context and file', () => {
    const result = replay(table(), staticBaseline(), 2, 'stationary', VIEWS);
    expect(result.mean).toBeCloseTo(3, 9);
    expect(result.lastTenth).toBeCloseTo(3, 9);
    for (const lost of result.byContext) expect(lost).toBeCloseTo(3, 9);
    expect([...result.byFile].reduce((sum, lost) => sum + lost, 0)).toBeCloseTo(3 * VIEWS, 5);
    expect(meanRewards(table(0), 0)).toEqual([60, 63, 55]);
  });

  it('in the shift regions have each other’s lines from half-way on', () => {
    const result = replay(
      table(),
      always(({ context }) => (context < 2 ? 1 : 2)),
      3,
      'shift',
      VIEWS,
    );
    expect(result.byBatch.slice(0, 10).every((lost) => lost === 0)).toBe(true);
    for (const lost of result.byBatch.slice(10)) expect(lost).toBeCloseTo(8, 9);
  });

  it('the same seed is the same run, another one is not', () => {
    const play = (seed: number) =>
      replay(table(), linearBandit('LinTS', shape, LINEAR, seed), seed, 'stationary', VIEWS).mean;
    expect(play(1)).toBe(play(1));
    expect(play(2)).not.toBe(play(1));
  });
});

describe('what keeping to the stall guardrail costs', () => {
  it('is the gain of an arm that stalls too much, where it is the best one', () => {
    const made = table(0);
    const fill = (arm: number, stalledMs: number) => {
      for (const session of made.sessions.keys()) {
        for (const device of [0, 1]) {
          const from = cellOf(made, session, device, arm) * KEPT.length;
          made.values[from + KEPT.indexOf('stalledMs')] = stalledMs;
          made.values[from + KEPT.indexOf('playedMs')] = 1000 - stalledMs;
        }
      }
    };
    for (const [arm, stalledMs] of [10, 10, 60].entries()) fill(arm, stalledMs);
    // Arm 2 is 3 points better than the baseline in the two contexts of BB.
    const strict = guardrailCost(made, 0.01);
    expect(strict).toMatchObject({ points: 1.5, contexts: ['BB phone', 'BB desktop'] });
    expect([0, 1, 2].map((arm) => strict.isForbidden(3, arm))).toEqual([false, false, true]);
    const lax = guardrailCost(made, 0.051);
    expect(lax).toMatchObject({ points: 0, contexts: [] });
    expect(lax.isForbidden(3, 2)).toBe(false);
  });
});

const LINEAR = { features: 'cell', centre: 'global', width: 0.3, ridge: 1, discount: 1 } as const;

describe('rate at equal points', () => {
  const curve = (factor: number) =>
    [1, 2, 4].map((mbps) => ({ mbps: mbps * factor, points: 60 + 10 * Math.log2(mbps) }));

  it('is what one curve needs of the other’s bytes, wherever they are measured', () => {
    expect(bdRate(curve(0.8), curve(1))).toBeCloseTo(-0.2, 9);
    const elsewhere = [1.3, 2.5, 3.1].map((mbps) => ({ mbps, points: 60 + 10 * Math.log2(mbps) }));
    expect(bdRate(elsewhere, curve(1))).toBeCloseTo(0, 9);
  });

  it('leaves out what costs more and brings less, and is nothing without points in common', () => {
    expect(bdRate([...curve(1), { mbps: 3, points: 61 }], curve(1))).toBeCloseTo(0, 9);
    expect(
      bdRate(
        curve(1),
        curve(1).map(({ mbps, points }) => ({ mbps, points: points + 100 })),
      ),
    ).toBeNull();
  });
});

describe('the bandits it is compared with', () => {
  const bandits: [string, (seed: number) => ReplayPolicy][] = [
    [
      'independent Thompson',
      (seed) => independentThompson(shape, { noise: 1, prior: 1, discount: 1, covariates: false }, seed),
    ],
    ['LinTS', (seed) => linearBandit('LinTS', shape, LINEAR, seed)],
    ['LinUCB', (seed) => linearBandit('LinUCB', shape, { ...LINEAR, features: 'additive', centre: 'cell' }, seed)],
  ];
  for (const [name, create] of bandits) {
    it(`${name} finds the best arm of every context`, () => {
      const result = replay(table(), create(5), 5, 'stationary', VIEWS);
      expect(result.lastTenth).toBeLessThan(0.5);
      expect(result.byBatch[0]).toBeGreaterThan(result.lastTenth);
    });
  }
});

describe('the interval of a ratio over files', () => {
  it('holds the ratio, and is a point when all files agree', () => {
    const ours = Float64Array.from([1, 2, 3, 4]);
    expect(
      bootstrapRatio(
        ours,
        ours.map((value) => 2 * value),
      ),
    ).toEqual({ ratio: 0.5, low: 0.5, high: 0.5 });
    const { ratio, low, high } = bootstrapRatio(ours, Float64Array.from([4, 3, 2, 1]));
    expect(ratio).toBe(1);
    expect(low).toBeLessThan(1);
    expect(high).toBeGreaterThan(1);
  });
});
