import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestLadder,
  type LadderValue,
  type LineShare,
  ladderPoints,
} from '../../../src/policy/proposer/best-ladder.ts';

const value: LadderValue = {
  points: (kbps) => 100 * (1 - Math.exp(-kbps / 900)),
  pointsPerMbps: 2,
  stallPoints: 200,
  stallRatioClip: 0.5,
  pointsPerRung: 0.05,
};

/** Every ladder on the grid, one by one. */
function allLadders(grid: readonly number[], maxRungs: number, mergeRatio: number): number[][] {
  const grow = (ladder: number[]): number[][] => {
    const last = ladder.at(-1) ?? 0;
    const next = ladder.length === maxRungs ? [] : grid.filter((kbps) => kbps > last && kbps >= last * mergeRatio);
    return [...(ladder.length > 0 ? [ladder] : []), ...next.flatMap((kbps) => grow([...ladder, kbps]))];
  };
  return grow([]);
}

describe('the best ladder of a context', () => {
  it('is what trying every ladder finds, on any small grid, lines and prices', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 50, max: 6000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.record({ kbps: fc.integer({ min: 20, max: 9000 }), weight: fc.integer({ min: 1, max: 20 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(1, 1.2, 2),
        fc.record({
          points: fc.integer({ min: 100, max: 4000 }),
          pointsPerMbps: fc.double({ min: 0, max: 8, noNaN: true }),
          pointsPerRung: fc.double({ min: 0, max: 3, noNaN: true }),
        }),
        (bitrates, weighted, maxRungs, mergeRatio, drawn) => {
          const grid = bitrates.toSorted((a, b) => a - b);
          const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
          const lines: LineShare[] = weighted.map(({ kbps, weight }) => ({ kbps, share: weight / total }));
          const priced = { ...value, ...drawn, points: (kbps: number) => 100 * (1 - Math.exp(-kbps / drawn.points)) };
          const found = bestLadder({ lines, value: priced, grid, maxRungs, mergeRatio });
          const every = allLadders(grid, maxRungs, mergeRatio);
          expect(every).toContainEqual(found);
          const most = Math.max(...every.map((ladder) => ladderPoints(ladder, lines, priced)));
          expect(ladderPoints(found, lines, priced)).toBeCloseTo(most, 9);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('on one constant line is the one rung that line holds best', () => {
    const grid = [250, 500, 1000, 2000, 4000];
    expect(bestLadder({ lines: [{ kbps: 1500, share: 1 }], value, grid, maxRungs: 5, mergeRatio: 1.2 })).toEqual([
      1000,
    ]);
  });

  it('is worth what one works out by hand', () => {
    const lines = [
      { kbps: 400, share: 0.25 },
      { kbps: 1200, share: 0.5 },
      { kbps: 3000, share: 0.25 },
    ];
    const plain = { ...value, points: (kbps: number) => kbps / 100, pointsPerRung: 0.5 };
    // 400 under a floor of 500: a fifth of the time stalled; then 500 on 1200, 2000 on 3000.
    const expected = 0.25 * (5 - 200 * 0.2 - 0.8) + 0.5 * (5 - 1) + 0.25 * (20 - 4) - 2 * 0.5;
    expect(ladderPoints([500, 2000], lines, plain)).toBeCloseTo(expected, 9);
  });
});
