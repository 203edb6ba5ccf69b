import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ViewStatistics } from '../../src/domain/index.ts';
import { judgeArms } from '../../src/policy/guard.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { type Group, medianOf, noiseBetweenGroups, robustMean } from '../../src/policy/robust-mean.ts';
import { normalDraws } from '../../src/policy/seeded-rng.ts';
import { statisticsOf, testArms, testConfig, uniforms } from './policy-fixtures.ts';

const group = (mean: number, views = 1, bucket = 0): Group => ({ bucket, views, mean });
const groupArbitrary = fc
  .record({ views: fc.integer({ min: 1, max: 50 }), mean: fc.integer({ min: -100, max: 95 }) })
  .map(({ views, mean }) => group(mean, views));

describe('the mean that most groups agree on', () => {
  it('is the plain mean of groups that are alike', () => {
    expect(robustMean([group(58), group(60), group(62)], 10, 0)).toBeCloseTo(60, 9);
  });

  it('does not hear a group far from all others', () => {
    const honest = [58, 59, 60, 60, 61, 62].map((mean) => group(mean, 4));
    expect(robustMean([...honest, group(-100, 4)], 4, 0)).toBeCloseTo(60, 9);
    // 6 points off at 10 points of noise and 4 views are 1.2 standard errors: heard nearly in full.
    expect(robustMean([...honest, group(66, 4)], 10, 0)).toBeGreaterThan(60.5);
  });

  it('believes a lone group only as far as its own error reaches', () => {
    expect(robustMean([group(-100, 4)], 10, 60)).toBe(55);
    expect(robustMean([group(62, 4)], 10, 60)).toBe(62);
  });

  it('is not decided by two liars among the first three', () => {
    expect(robustMean([group(-100), group(61), group(-100)], 10, 60)).toBeCloseTo(61, 9);
    // Three that agree are heard, however bad it is.
    expect(robustMean([group(-100), group(-98), group(-96)], 10, 60)).toBeCloseTo(-98, 0);
  });

  it('moves with its groups, and lies between them', () => {
    fc.assert(
      fc.property(
        fc.array(groupArbitrary, { minLength: 3, maxLength: 40 }),
        fc.integer({ min: -50, max: 50 }),
        (groups, shift) => {
          const mean = robustMean(groups, 12, 0);
          const moved = groups.map(({ views, mean: each }) => group(each + shift, views));
          expect(robustMean(moved, 12, shift)).toBeCloseTo(mean + shift, 4);
          expect(mean).toBeGreaterThanOrEqual(Math.min(...groups.map((each) => each.mean)) - 1e-9);
          expect(mean).toBeLessThanOrEqual(Math.max(...groups.map((each) => each.mean)) + 1e-9);
        },
      ),
    );
  });
});

describe('the median of groups', () => {
  it('is where half of all views lie below', () => {
    expect(medianOf([group(1, 1), group(5, 3), group(9, 1)])).toBe(5);
    expect(medianOf([group(1, 2), group(9, 2)])).toBe(5);
  });
});

describe('the noise between groups', () => {
  it('is the noise of one view, whatever a few groups say', () => {
    const normal = normalDraws(uniforms(3));
    const groups = Array.from({ length: 400 }, (_, index) =>
      group(60 + (15 * normal()) / Math.sqrt(1 + (index % 4)), 1 + (index % 4)),
    );
    expect(noiseBetweenGroups([groups])).toBeGreaterThan(13);
    expect(noiseBetweenGroups([groups])).toBeLessThan(17);
    const lying = groups.map((each, index) => (index % 20 === 0 ? group(-110, 3) : each));
    expect(noiseBetweenGroups([lying])).toBeLessThan(18);
  });

  it('is not told from a few groups', () => {
    expect(noiseBetweenGroups([[group(1), group(2), group(3)]])).toBeNull();
  });
});

describe('guards over buckets of address blocks', () => {
  const config = testConfig({ arms: testArms(2) });
  const VIEW_MS = 60_000;
  /** One view per bucket; `stalls` says how much of it stalls. */
  const views = (arm: string, count: number, stalls: (bucket: number) => number): ViewStatistics[] =>
    Array.from({ length: count }, (_, bucket) => {
      const stall = stalls(bucket);
      const stalledMs = stall * VIEW_MS;
      const clipped = { quality: 60 + 10 * Math.sin(bucket * 7), stall: Math.min(0.5, stall) };
      return statisticsOf({ arm, bucket, stalledMs, playedMs: VIEW_MS - stalledMs }, [clipped]);
    });
  const verdictOf = (rows: ViewStatistics[]) => {
    const [cell] = fitPosterior(rows, config).contexts;
    if (!cell) throw new Error('no cell');
    return judgeArms(cell, config.guardrails)[1];
  };
  const usual = (bucket: number) => (bucket % 5 === 0 ? 0.1 : 0);

  it('take out an arm that stalls for many', () => {
    expect(verdictOf([...views('baseline', 240, usual), ...views('arm-1', 240, (b) => (b % 2 === 0 ? 0.2 : 0))])).toBe(
      'stall',
    );
  });

  it('do not ask buckets that are not believed whether they agree', () => {
    const [buckets, viewsEach] = [96, 8];
    /** Of the buckets where this arm does not stall, one in five lies. */
    const crowd = (
      arm: string,
      stalling: (bucket: number, view: number) => boolean,
      hasLiars: boolean,
    ): ViewStatistics[] =>
      Array.from({ length: buckets }, (_, bucket) => {
        const isLiar = bucket % 48 >= 24 && bucket % 5 === 0 && hasLiars;
        const each = Array.from({ length: viewsEach }, (_view, view) => {
          const lie = isLiar && view < viewsEach / 2;
          const stall = lie ? 0.95 : stalling(bucket, view) ? 0.1 : 0;
          return {
            quality: (lie ? -90 : 60) + 10 * Math.sin(bucket * 7 + view),
            stall: Math.min(0.5, stall),
            all: stall,
          };
        });
        const stalledMs = each.reduce((sum, { all }) => sum + all * VIEW_MS, 0);
        const clipped = each.map(({ quality, stall }) => ({ quality, stall }));
        return statisticsOf({ arm, bucket, stalledMs, playedMs: viewsEach * VIEW_MS - stalledMs }, clipped);
      });
    const everywhere = crowd('baseline', (bucket, view) => (bucket + view) % 5 === 0, false);
    const here = (bucket: number, view: number): boolean => bucket % 48 < 24 && (bucket + view) % 5 < 3;
    expect(verdictOf([...everywhere, ...crowd('arm-1', here, false)])).toBe('ok');
    expect(verdictOf([...everywhere, ...crowd('arm-1', here, true)])).toBe('ok');
  });

  it('do not take out an arm that stalls for one block in twenty, however much', () => {
    const lying = (bucket: number) => (bucket % 20 === 7 ? 0.95 : usual(bucket));
    expect(verdictOf([...views('baseline', 240, usual), ...views('arm-1', 240, lying)])).toBe('ok');
    // The same views without buckets are taken at their word.
    const plain = [...views('baseline', 240, usual), ...views('arm-1', 240, lying)].map((row) => ({
      ...row,
      bucket: 0,
    }));
    expect(verdictOf(plain)).toBe('stall');
  });
});
