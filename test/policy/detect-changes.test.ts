import { describe, expect, it } from 'vitest';
import type { ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation } from '../../src/policy/allocate.ts';
import { detectChanges } from '../../src/policy/detect-changes.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { normalDraws } from '../../src/policy/seeded-rng.ts';
import { CREATED_AT, DESKTOP, FAST, PHONE, statisticsOf, testArms, testConfig, uniforms } from './policy-fixtures.ts';

const config = testConfig({ arms: testArms(3) });
const DAYS = 12;

/** Days of views; from `changedAge` days ago on (and younger) with these shifts. */
function days(seed: number, change: { changedAge: number; throughput?: number; quality?: number; better?: string }) {
  const normal = normalDraws(uniforms(seed));
  return Array.from({ length: DAYS }, (_, ageDays) =>
    config.arms.map(({ id: arm }, index): ViewStatistics => {
      const isAfter = ageDays <= change.changedAge;
      // Arms come in other proportions every day: that is no change.
      const views = Array.from({ length: 15 + ((ageDays * 7 + index * 11) % 30) }, () => ({
        throughput: 1 + (isAfter ? (change.throughput ?? 0) : 0) + 0.8 * normal(),
        quality:
          60 +
          (isAfter ? (change.quality ?? 0) : 0) +
          (isAfter && arm === change.better ? 8 : 0) -
          4 * index +
          12 * normal(),
      }));
      return statisticsOf({ arm, ageDays }, views);
    }),
  ).flat();
}

describe('detecting that a cell changed', () => {
  it('finds the day its lines became others', () => {
    const [change, ...rest] = detectChanges(days(1, { changedAge: 4, throughput: 1.5 }), config.reward);
    expect(change).toMatchObject({ context: PHONE, ageDays: 4, moved: 'throughput' });
    expect(change?.standardErrors).toBeGreaterThan(6);
    expect(rest).toEqual([]);
  });

  it('finds the day the same arms began to bring less', () => {
    expect(detectChanges(days(2, { changedAge: 3, quality: -15 }), config.reward)).toMatchObject([
      { ageDays: 3, moved: 'reward' },
    ]);
  });

  it('finds nothing where nothing changed, in any of 200 worlds whose allocation moves', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      expect(detectChanges(days(seed + 10, { changedAge: -1 }), config.reward)).toEqual([]);
    }
  });

  it('widens only the cell that changed', () => {
    const elsewhere = days(4, { changedAge: -1 }).map((row) => ({ ...row, context: FAST }));
    const before = fitPosterior([...days(3, { changedAge: -1 }), ...elsewhere], config);
    const after = fitPosterior([...days(3, { changedAge: 1, throughput: 2 }), ...elsewhere], config);
    const viewsOf = (fit: typeof before, region: string) =>
      fit.contexts.find(({ level, context }) => level === 'cell' && context.region === region)?.effectiveViews[0] ?? 0;
    expect(viewsOf(after, 'NO')).toBeLessThan(viewsOf(before, 'NO') / 3);
    expect(viewsOf(after, 'SE')).toBe(viewsOf(before, 'SE'));
  });

  it('is told with the allocation, which follows the new world', () => {
    const statistics = days(5, { changedAge: 4, throughput: 1.5, better: 'arm-2' });
    const calm = statistics.map((row) => ({ ...row, context: DESKTOP, ageDays: 0 }));
    const allocation = buildAllocation({
      config,
      statistics: [...statistics, ...calm],
      previous: null,
      seed: 1,
      allocationVersion: 2,
      createdAt: CREATED_AT,
      maturedViews: 0,
    });
    expect(allocation.changes).toMatchObject([{ context: PHONE, ageDays: 4 }]);
  });
});
