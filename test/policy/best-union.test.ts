import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LadderRung } from '../../src/domain/index.ts';
import { bestUnion, type UnionProblem } from '../../src/policy/best-union.ts';
import { cheapestCover } from '../../src/policy/rung-cover.ts';
import { bruteForceUnion, everyCover } from './brute-force-union.ts';

const rung = (bitrateKbps: number): LadderRung => ({ height: 360, bitrateKbps, fps: 30 });
const ladder = fc
  .uniqueArray(fc.constantFrom(100, 112, 126, 150, 180, 240, 300, 330, 420, 600, 700), { minLength: 1, maxLength: 4 })
  .map((bitrates) => bitrates.sort((left, right) => left - right).map(rung));
const points = fc.integer({ min: -40, max: 40 }).map((tenths) => tenths / 10);
const costs = fc.record({ flat: fc.constantFrom(0, 0.05, 0.5), perMbit: fc.constantFrom(0, 0.3, 2) });

const rulesOf = (maxRungs: number, { flat, perMbit }: { flat: number; perMbit: number }) => ({
  maxRungs,
  mergeRatio: 1.2,
  costOf: ({ bitrateKbps }: LadderRung) => flat + (perMbit * bitrateKbps) / 1000,
});

const problems = fc
  .record({
    ladders: fc.array(fc.record({ rungs: ladder, points: fc.tuple(points, points, points) }), {
      minLength: 1,
      maxLength: 5,
    }),
    shares: fc.constantFrom([1, 0, 0], [0.5, 0.5, 0], [0.6, 0.3, 0.1]),
    maxRungs: fc.integer({ min: 1, max: 6 }),
    costs,
    required: fc.constantFrom([], [rung(150)]),
  })
  .map(({ maxRungs, costs: cost, ...rest }): UnionProblem => ({ ...rest, ...rulesOf(maxRungs, cost) }));

describe('the cheapest cover', () => {
  it('is as cheap as any set of rungs that stands for all that is wanted', () => {
    fc.assert(
      fc.property(ladder, ladder, fc.integer({ min: 1, max: 5 }), costs, (wanted, more, maxRungs, cost) => {
        const rules = rulesOf(maxRungs, cost);
        const found = cheapestCover(wanted, [...wanted, ...more], rules);
        const cheapest = Math.min(
          ...everyCover(wanted, [...wanted, ...more], rules).map(({ costPoints }) => costPoints),
        );
        expect(found?.costPoints ?? Number.POSITIVE_INFINITY).toBeCloseTo(cheapest, 9);
        if (found !== null) expect(found.rungs.length).toBeLessThanOrEqual(maxRungs);
      }),
      { numRuns: 200 },
    );
  });

  it('has the wanted rung itself rather than a slightly cheaper neighbour', () => {
    const rules = rulesOf(3, { flat: 0.05, perMbit: 0.01 });
    expect(cheapestCover([rung(300)], [rung(260), rung(300)], rules)?.rungs).toEqual([rung(300)]);
  });

  it('has one rung stand for two that are near each other', () => {
    const rules = rulesOf(1, { flat: 0.05, perMbit: 0 });
    expect(cheapestCover([rung(300), rung(330)], [rung(300), rung(330)], rules)?.rungs).toHaveLength(1);
    expect(cheapestCover([rung(300), rung(600)], [rung(300), rung(600)], rules)).toBeNull();
  });
});

describe('the best union', () => {
  it('is worth what the best of all sets of rungs is worth', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const found = bestUnion(problem);
        const best = bruteForceUnion(problem);
        expect(found === null).toBe(best === null);
        if (found === null || best === null) return;
        expect(found.value).toBeCloseTo(best.value, 9);
        expect(found.shortfall).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('is within its stated shortfall of the best when it may not look long', () => {
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 4 }), (problem, covers) => {
        const found = bestUnion(problem, covers);
        const best = bruteForceUnion(problem);
        if (found === null || best === null) return;
        expect(found.value).toBeLessThanOrEqual(best.value + 1e-9);
        expect(found.value + found.shortfall).toBeGreaterThanOrEqual(best.value - 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  it('never has less value with more room', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const found = bestUnion(problem);
        const roomier = bestUnion({ ...problem, maxRungs: problem.maxRungs + 1 });
        if (found !== null) expect(roomier?.value).toBeGreaterThanOrEqual(found.value - 1e-9);
      }),
      { numRuns: 100 },
    );
  });
});
