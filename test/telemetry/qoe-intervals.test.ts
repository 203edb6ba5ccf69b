import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Metric, MIN_PLAYS, orderStatistic, ratioOfSums } from '../../src/telemetry/qoe-intervals.ts';
import type { QoeKind } from '../../src/telemetry/qoe-metrics.ts';

type View = readonly [x: number, y: number];

function of(kind: QoeKind, views: readonly View[]): Metric {
  const sum = (term: (x: number, y: number) => number) => views.reduce((total, [x, y]) => total + term(x, y), 0);
  return ratioOfSums(kind, [
    views.length,
    sum((x) => x),
    sum((_x, y) => y),
    sum((x) => x * x),
    sum((_x, y) => y * y),
    sum((x, y) => x * y),
  ]);
}

const times = (count: number, view: View): View[] => Array.from({ length: count }, () => view);
const bounds = ({ ci95 }: Metric): [number, number] => ci95 ?? [Number.NaN, Number.NaN];

describe('a proportion', () => {
  it('has Wilson’s interval', () => {
    // 10 of 50, as published tables have it: 0.1124 to 0.3304.
    const [low, high] = bounds(of('proportion', [...times(10, [1, 1]), ...times(40, [0, 1])]));
    expect(low).toBeCloseTo(0.1124, 4);
    expect(high).toBeCloseTo(0.3304, 4);
  });

  it('of none among n is not certainly 0, and of all not certainly 1', () => {
    // z² ÷ (n + z²) = 3.8415 ÷ 23.8415.
    expect(of('proportion', times(20, [0, 1])).ci95).toEqual([0, expect.closeTo(0.16113, 5)]);
    expect(of('proportion', times(20, [1, 1])).ci95).toEqual([expect.closeTo(0.83887, 5), 1]);
  });
});

describe('a ratio of sums', () => {
  it('has the delta method’s interval', () => {
    // Ratio 6 ÷ 30 = 0.2; residuals x − 0.2 y: −1, 0, 1; 1.96 × √(2 × 3 ÷ 2) ÷ 30.
    const metric = of('mean', [
      [1, 10],
      [2, 10],
      [3, 10],
    ]);
    expect(metric).toMatchObject({ value: 0.2, numerator: 6, denominator: 30, n: 3, enough: false });
    const [low, high] = bounds(metric);
    expect([low, high]).toEqual([expect.closeTo(0.2 - 0.113158, 5), expect.closeTo(0.2 + 0.113158, 5)]);
  });

  it('that is a part of a whole stays in 0 to 1', () => {
    const [low, high] = bounds(of('fraction', [...times(3, [0, 10]), [9, 10]]));
    expect([low, high]).toEqual([0, expect.closeTo(0.666, 2)]);
    expect(bounds(of('fraction', [...times(3, [10, 10]), [1, 10]]))[1]).toBe(1);
  });

  it('that is a part of a whole is not certain because all views say the same', () => {
    // Equal weights: Wilson’s for 0 of 40, 3.8415 ÷ 43.8415; unequal ones amount to fewer views.
    expect(of('fraction', times(40, [0, 1000])).ci95).toEqual([0, expect.closeTo(0.08762, 5)]);
    const uneven = bounds(of('fraction', [...times(39, [0, 10]), [0, 10_000]]));
    expect(uneven[1]).toBeGreaterThan(0.7);
    const [low, high] = bounds(of('fraction', times(40, [500, 8500])));
    expect(low).toBeGreaterThan(0);
    expect(low).toBeLessThan(500 / 8500);
    expect(high).toBeGreaterThan(500 / 8500);
  });

  it('of events in time allows for those that did not happen to happen', () => {
    // 3.689 ÷ 40 minutes.
    expect(of('rate', times(40, [0, 1])).ci95).toEqual([0, expect.closeTo(0.09222, 5)]);
    expect(bounds(of('rate', [...times(9, [0, 1]), [5, 1]]))[0]).toBe(0);
  });

  it('may be below 0 where that means something', () => {
    expect(of('mean', times(2, [-100, 1]))).toMatchObject({ value: -100, ci95: [-100, -100] });
  });

  it('takes rounding for what it is', () => {
    expect(of('mean', times(1000, [0.1, 0.3])).ci95).toEqual([expect.closeTo(1 / 3, 9), expect.closeTo(1 / 3, 9)]);
  });
});

describe('every figure', () => {
  it('is null where nothing was measured, and has no interval where one view was', () => {
    const nothing = { value: null, numerator: 0, denominator: 0, ci95: null, n: 0, enough: false };
    for (const kind of ['proportion', 'fraction', 'rate', 'mean'] as const) {
      expect(ratioOfSums(kind, [0, 0, 0, 0, 0, 0])).toEqual(nothing);
      expect(ratioOfSums(kind, [])).toEqual(nothing);
    }
    expect(of('mean', [[3, 4]])).toMatchObject({ value: 0.75, ci95: null, n: 1 });
    expect(orderStatistic(undefined, 0)).toEqual(nothing);
    expect(orderStatistic([null, null, null], 0)).toEqual(nothing);
  });

  it('is enough from MIN_PLAYS on', () => {
    expect(of('mean', times(MIN_PLAYS - 1, [1, 2])).enough).toBe(false);
    expect(of('mean', times(MIN_PLAYS, [1, 2])).enough).toBe(true);
    expect(orderStatistic([5, null, null], MIN_PLAYS)).toMatchObject({ value: 5, ci95: null, enough: true });
  });

  it('is JSON without NaN or infinity whatever the sums are, and lies within its interval', () => {
    const anything = fc.oneof(
      fc.double(),
      fc.constantFrom(0, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE, -1, 1),
    );
    const kinds = fc.constantFrom<QoeKind>('proportion', 'fraction', 'rate', 'mean');
    fc.assert(
      fc.property(kinds, fc.array(anything, { maxLength: 6 }), (kind, moments) => {
        const { value, numerator, denominator, ci95 } = ratioOfSums(kind, moments);
        for (const number of [value ?? 0, numerator, denominator, ...(ci95 ?? [])])
          expect(Number.isFinite(number)).toBe(true);
      }),
    );
    const views = fc.array(fc.tuple(fc.nat(9000), fc.integer({ min: 9000, max: 90_000 })), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.constantFrom<QoeKind>('fraction', 'rate', 'mean'), views, (kind, sample) => {
        const metric = of(kind, sample);
        const [low, high] = bounds(metric);
        expect(low).toBeLessThanOrEqual((metric.value ?? 0) + 1e-12);
        expect(high).toBeGreaterThanOrEqual((metric.value ?? 0) - 1e-12);
      }),
    );
  });
});
