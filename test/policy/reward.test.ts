import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VIEW_COMPONENTS } from '../../src/domain/index.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { momentOf, rewardMoments, rewardOf, type ViewComponents } from '../../src/policy/reward.ts';
import { CREATED_AT, statisticsOf } from './policy-fixtures.ts';

const weights = defaultConfig({ createdAt: CREATED_AT }).reward;
const still: ViewComponents = {
  one: 1,
  throughput: 0,
  quality: 0,
  stall: 0,
  startup: 0,
  switches: 0,
  mbps: 0,
  failure: 0,
  prospect: 0,
};

const viewArbitrary = fc.record({
  one: fc.constant(1),
  throughput: fc.double({ min: -3, max: 5, noNaN: true }),
  quality: fc.double({ min: 0, max: 95, noNaN: true }),
  stall: fc.double({ min: 0, max: 0.5, noNaN: true }),
  startup: fc.double({ min: 0, max: 10, noNaN: true }),
  switches: fc.double({ min: 0, max: 10, noNaN: true }),
  mbps: fc.double({ min: 0, max: 20, noNaN: true }),
  failure: fc.constantFrom(0, 1),
  prospect: fc.double({ min: 0, max: 95, noNaN: true }),
});

describe('the reward of a view', () => {
  it('is quality minus stalling, waiting, switching and bytes, in points', () => {
    const view = { ...still, quality: 80, stall: 0.05, startup: 2, switches: 4, mbps: 1.5, throughput: 3 };
    expect(rewardOf(view, weights)).toBeCloseTo(80 - 10 - 2 - 2 - 3);
    expect(rewardOf({ ...still, failure: 1 }, weights)).toBe(-100);
  });

  it('can be re-scored from moments alone, with any weights', () => {
    fc.assert(
      fc.property(
        fc.array(viewArbitrary, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (views, mbps) => {
          const changed = { ...weights, deliveredMbps: mbps };
          const rewards = views.map((view) => rewardOf(view, changed));
          const moments = rewardMoments(statisticsOf({ arm: 'x' }, views), changed);
          const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
          expect(moments.n).toBe(views.length);
          expect(moments.sumR).toBeCloseTo(sum(rewards), 6);
          expect(moments.sumRR).toBeCloseTo(sum(rewards.map((reward) => reward ** 2)), 3);
          expect(moments.sumX).toBeCloseTo(sum(views.map((view) => view.throughput)), 6);
          expect(moments.sumXX).toBeCloseTo(sum(views.map((view) => view.throughput ** 2)), 6);
          expect(moments.sumXR).toBeCloseTo(
            sum(views.map((view, index) => view.throughput * (rewards[index] ?? 0))),
            5,
          );
        },
      ),
    );
  });

  it('finds every pair of components in the upper triangle', () => {
    const view = Object.fromEntries(VIEW_COMPONENTS.map((name, index) => [name, index + 1]));
    const statistics = statisticsOf({ arm: 'x' }, [view]);
    for (const [left, name] of VIEW_COMPONENTS.entries()) {
      for (const [right, other] of VIEW_COMPONENTS.entries()) {
        expect(momentOf(statistics, name, other)).toBe((left + 1) * (right + 1));
      }
    }
  });
});
