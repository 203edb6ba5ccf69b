import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Allocation,
  allocationSchema,
  type Context,
  type PolicyConfig,
  type ViewStatistics,
} from '../../src/domain/index.ts';
import { baselineShare, buildAllocation, challengerWeights, coldAllocation } from '../../src/policy/allocate.ts';
import { fingerprint } from '../../src/policy/fingerprint.ts';
import {
  CREATED_AT,
  DESKTOP,
  FAST,
  gaussianStatistics,
  PHONE,
  testArms,
  testConfig,
  uniforms,
} from './policy-fixtures.ts';

const config = testConfig();
const build = (
  statistics: ViewStatistics[],
  changes: { config?: PolicyConfig; previous?: Allocation | null; seed?: number } = {},
): Allocation =>
  buildAllocation({
    config: changes.config ?? config,
    statistics,
    previous: changes.previous ? { config, allocation: changes.previous } : null,
    seed: changes.seed ?? 1,
    allocationVersion: (changes.previous?.allocationVersion ?? 0) + 1,
    createdAt: CREATED_AT,
    maturedViews: 0,
  });
const entryOf = (allocation: Allocation, context: Context, level = 'cell') => {
  const found = allocation.contexts.find(
    (entry) =>
      entry.level === level && entry.region === context.region && (level !== 'cell' || entry.device === context.device),
  );
  if (!found) throw new Error('no such entry');
  return found;
};
const armOf = (allocation: Allocation, context: Context, arm: string) => {
  const found = entryOf(allocation, context).arms.find((each) => each.arm === arm);
  if (!found) throw new Error('no such arm');
  return found;
};

/** A cell in which one arm is better (or worse) than all others by some points. */
const cellWhere = (context: Context, arm: string, points: number, n = 300): ViewStatistics[] =>
  config.arms.map(({ id }) => gaussianStatistics({ context, arm: id, n, mean: id === arm ? 60 + points : 60, sd: 12 }));

const contextArbitrary: fc.Arbitrary<Context> = fc.constantFrom(PHONE, DESKTOP, FAST);
const rowArbitrary: fc.Arbitrary<ViewStatistics> = fc
  .record({
    context: contextArbitrary,
    arm: fc.constantFrom(...config.arms.map(({ id }) => id)),
    n: fc.integer({ min: 1, max: 500 }),
    mean: fc.double({ min: 0, max: 95, noNaN: true }),
    sd: fc.double({ min: 0, max: 40, noNaN: true }),
    ageDays: fc.integer({ min: 0, max: 60 }),
    stalledMs: fc.integer({ min: 0, max: 1e6 }),
    failedToStart: fc.integer({ min: 0, max: 5 }),
  })
  .map(gaussianStatistics);
const statisticsArbitrary = fc.array(rowArbitrary, { maxLength: 30 });

describe('an allocation', () => {
  it('is valid for any statistics: weights ≥ 0 that sum to 1, the baseline never below its share', () => {
    fc.assert(
      fc.property(statisticsArbitrary, (statistics) => {
        const allocation = build(statistics);
        allocationSchema.parse(allocation);
        for (const { arms, baselineShare: share } of allocation.contexts) {
          expect(arms.reduce((sum, arm) => sum + arm.weight, 0)).toBeCloseTo(1, 9);
          expect(arms.find(({ arm }) => arm === 'baseline')?.weight).toBeGreaterThanOrEqual(share - 1e-12);
          expect(share).toBeGreaterThanOrEqual(config.exploration.baselineShareFloor);
          for (const arm of arms) if (arm.guard !== 'ok') expect(arm.weight).toBe(0);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('is the same for the same statistics and seed, in any order, and follows the seed', () => {
    const rng = uniforms(5);
    fc.assert(
      fc.property(fc.array(rowArbitrary, { minLength: 2, maxLength: 20 }), (statistics) => {
        const shuffled = [...statistics].sort(() => rng() - 0.5);
        expect(build(shuffled)).toEqual(build(statistics));
      }),
      { numRuns: 15 },
    );
    const close = config.arms.map(({ id }) => gaussianStatistics({ arm: id, n: 20, mean: 60 }));
    expect(build(close, { seed: 2 }).contexts).not.toEqual(build(close, { seed: 1 }).contexts);
  });

  it('does not care whether statistics come in one row or in parts', () => {
    const parts = [7, 11, 182].map((n) => gaussianStatistics({ arm: 'sparse', n, mean: 63 }));
    const whole = gaussianStatistics({ arm: 'sparse', n: 200, mean: 63 });
    const rest = [gaussianStatistics({ arm: 'baseline', n: 100, mean: 60 })];
    expect(build([...parts, ...rest])).toEqual(build([whole, ...rest]));
  });

  it('only renames its arms when arms are renamed', () => {
    const names = new Map(config.arms.map(({ id, baseline }, index) => [id, baseline ? id : `z-${(index * 7) % 11}`]));
    const renamed = testConfig({ arms: config.arms.map((arm) => ({ ...arm, id: names.get(arm.id) ?? '' })).reverse() });
    fc.assert(
      fc.property(statisticsArbitrary, (statistics) => {
        const weights = (allocation: Allocation, rename: (id: string) => string) =>
          allocation.contexts.map(({ arms }) => new Map(arms.map(({ arm, ...rest }) => [rename(arm), rest])));
        const original = build(statistics);
        const relabelled = build(
          statistics.map((row) => ({ ...row, arm: names.get(row.arm) ?? row.arm })),
          { config: renamed },
        );
        expect(weights(relabelled, (id) => id)).toEqual(weights(original, (id) => names.get(id) ?? id));
      }),
      { numRuns: 15 },
    );
  });

  it('answers for every seen cell, every seen region and everywhere else', () => {
    const { contexts } = build([
      ...cellWhere(PHONE, 'sparse', 1),
      ...cellWhere(DESKTOP, 'sparse', 1),
      ...cellWhere(FAST, 'mid', 1),
    ]);
    expect(
      contexts.map(({ level, region, device, connection }) => `${level} ${region}|${device}|${connection}`),
    ).toEqual([
      'cell NO|desktop|wired',
      'cell NO|phone|cellular',
      'cell SE|desktop|wired',
      'region NO|unknown|unknown',
      'region SE|unknown|unknown',
      'global ZZ|unknown|unknown',
    ]);
  });

  it('leaves paused and retired arms out', () => {
    const arms = config.arms.map((arm) => (arm.id === 'sparse' ? { ...arm, state: 'paused' as const } : arm));
    const allocation = build(cellWhere(PHONE, 'sparse', 9), { config: testConfig({ arms }) });
    expect(allocation.contexts[0]?.arms.map(({ arm }) => arm)).not.toContain('sparse');
    expect(allocation.views.used).toBe(300 * (config.arms.length - 1));
  });
});

describe('before anything is known', () => {
  it('gives nine views in ten the baseline and spreads the rest over all other arms', () => {
    const cold = coldAllocation({ config, seed: 0, allocationVersion: 1, createdAt: CREATED_AT });
    const [entry] = cold.contexts;
    expect(entry).toMatchObject({ region: 'ZZ', device: 'unknown', level: 'cold', baselineShare: 0.9 });
    expect(entry?.arms.map(({ weight }) => weight.toFixed(4))).toEqual(['0.9000', ...Array(10).fill('0.0100')]);
    expect(build([]).contexts).toEqual(cold.contexts);
    expect(build([]).basis).toBe(cold.basis);
  });

  it('gives a lone baseline everything', () => {
    const lone = testConfig({ arms: testArms(1) });
    for (const statistics of [[], [gaussianStatistics({ arm: 'baseline', n: 9, mean: 60 })]]) {
      const [entry] = build(statistics, { config: lone }).contexts;
      expect(entry?.arms).toMatchObject([{ arm: 'baseline', weight: 1 }]);
    }
  });
});

describe('with strong evidence', () => {
  const statistics = [...cellWhere(PHONE, 'low-dense', 5), ...cellWhere(FAST, 'raised-floor', 4)];

  it('P(best) concentrates on the better arm of each cell', () => {
    const allocation = build(statistics);
    expect(armOf(allocation, PHONE, 'low-dense').pBest).toBeGreaterThan(0.95);
    expect(armOf(allocation, FAST, 'raised-floor').pBest).toBeGreaterThan(0.9);
  });

  it('the baseline share halves per refit, no faster, down to its floor', () => {
    const shares: number[] = [];
    let previous: Allocation | null = null;
    for (let refit = 0; refit < 7; refit += 1) {
      previous = build(statistics, { previous });
      shares.push(entryOf(previous, PHONE).baselineShare);
    }
    for (const [index, share] of shares.entries()) {
      expect(share).toBeGreaterThanOrEqual((shares[index - 1] ?? 0.9) / 2 - 1e-12);
    }
    expect(shares.slice(0, 4)).toEqual([0.45, 0.225, 0.1125, 0.05625]);
    expect(shares.at(-1)).toBeCloseTo(0.05, 4);
    expect(armOf(previous as Allocation, PHONE, 'low-dense').weight).toBeGreaterThan(0.85);
  });

  it('the share goes back up at once when the evidence turns', () => {
    let previous: Allocation | null = null;
    for (let refit = 0; refit < 6; refit += 1) previous = build(statistics, { previous });
    const doubtful = build(
      config.arms.map(({ id, baseline }) => gaussianStatistics({ arm: id, n: 300, mean: baseline ? 62 : 60 })),
      { previous },
    );
    expect(entryOf(doubtful, PHONE).baselineShare).toBeGreaterThan(0.4);
  });

  it('a cell seen for the first time starts from the share its region had', () => {
    let previous: Allocation | null = null;
    for (let refit = 0; refit < 8; refit += 1) previous = build(cellWhere(PHONE, 'low-dense', 5), { previous });
    const regional = entryOf(previous as Allocation, PHONE, 'region').baselineShare;
    const next = build([...cellWhere(PHONE, 'low-dense', 5), ...cellWhere(DESKTOP, 'low-dense', 5)], { previous });
    expect(entryOf(next, DESKTOP).baselineShare).toBeLessThan(0.45);
    expect(entryOf(next, DESKTOP).baselineShare).toBeGreaterThanOrEqual(regional / 2);
  });

  it('a config with another reward starts from the starting share again, one with an arm less goes on', () => {
    let previous: Allocation | null = null;
    for (let refit = 0; refit < 6; refit += 1) previous = build(statistics, { previous });
    const later = { configVersion: 2, parent: 1 };
    const fewer = testConfig({ ...later, arms: config.arms.filter(({ id }) => id !== 'sparse') });
    expect(entryOf(build(statistics, { previous, config: fewer }), PHONE).baselineShare).toBeCloseTo(0.05, 3);
    const other = testConfig({ ...later, reward: { ...config.reward, stallRatio: 1 } });
    expect(entryOf(build(statistics, { previous, config: other }), PHONE).baselineShare).toBe(0.45);
  });

  it('takes a clearly harmful arm out of its context, and only there', () => {
    const allocation = build([...cellWhere(PHONE, 'high-top', -15), ...cellWhere(FAST, 'raised-floor', 3)]);
    expect(armOf(allocation, PHONE, 'high-top')).toMatchObject({ guard: 'harm', weight: 0, pBest: 0 });
    expect(armOf(allocation, FAST, 'high-top').guard).toBe('ok');
  });
});

describe('the exploration budget', () => {
  const exploration = { ...config.exploration, sharpness: 1 };

  it('is spent in total, over plausible challengers, on top of P(best)', () => {
    const chances = fc
      .array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 })
      .filter((counts) => counts.some((count) => count > 0))
      .map((counts) => Float64Array.from(counts, (count) => count / counts.reduce((sum, each) => sum + each, 0)));
    fc.assert(
      fc.property(chances, (pBest) => {
        const weights = challengerWeights(pBest, exploration);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
        const added = weights.map((weight, arm) => Math.max(0, weight - (pBest[arm] ?? 0)));
        expect(added.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(exploration.budget + 1e-9);
        for (const [arm, weight] of weights.entries()) {
          if ((pBest[arm] ?? 0) < exploration.plausiblePBest) expect(weight).toBeLessThanOrEqual(pBest[arm] ?? 0);
        }
      }),
    );
  });

  it('is all that an unlikely arm gets when P(best) is sharpened', () => {
    const pBest = Float64Array.of(0.1, 0.6, 0.3);
    const [baseline = 0, likely = 0, unlikely = 0] = challengerWeights(pBest, { ...exploration, sharpness: 2 });
    expect(baseline).toBeCloseTo(0.95 * (0.01 / 0.46), 12);
    expect(likely).toBeCloseTo(0.95 * (0.36 / 0.46) + 0.025, 12);
    expect(unlikely).toBeCloseTo(0.95 * (0.09 / 0.46) + 0.025, 12);
  });

  it('is the same for 3 plausible arms as for 18', () => {
    for (const count of [3, 18]) {
      const pBest = new Float64Array(count + 1).fill(0.03, 1);
      pBest[0] = 1 - 0.03 * count;
      const weights = challengerWeights(pBest, exploration);
      expect((pBest[0] ?? 0) - (weights[0] ?? 0)).toBeCloseTo(exploration.budget * (pBest[0] ?? 0), 12);
    }
  });

  it('moves the baseline share with P(beats baseline): 90 % at one half, the floor at certainty', () => {
    expect(baselineShare(0.3, 0, exploration)).toBeCloseTo(0.9);
    expect(baselineShare(0.5, 0, exploration)).toBeCloseTo(0.9);
    expect(baselineShare(0.75, 0, exploration)).toBeCloseTo(0.475);
    expect(baselineShare(1, 0, exploration)).toBe(0.05);
    expect(baselineShare(1, 0.9, exploration)).toBe(0.45);
  });
});

describe('the fingerprint', () => {
  it('is the same for the same evidence, and another for new views, another day or another config', () => {
    const statistics = cellWhere(PHONE, 'sparse', 2);
    const basis = fingerprint(statistics, config);
    expect(fingerprint([...statistics].reverse(), config)).toBe(basis);
    expect(fingerprint([...statistics, gaussianStatistics({ arm: 'mid', n: 1, mean: 60 })], config)).not.toBe(basis);
    expect(
      fingerprint(
        statistics.map((row) => ({ ...row, ageDays: 1 })),
        config,
      ),
    ).not.toBe(basis);
    expect(fingerprint(statistics, { ...config, configVersion: 2 })).not.toBe(basis);
  });
});
