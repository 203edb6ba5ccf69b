import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESPONSE_FEATURES, responseFeatures } from '../../src/policy/arm-response.ts';
import { BASELINE_ARM_ID, ladderFamily } from '../../src/policy/ladder-families.ts';
import { at } from '../../src/policy/matrix.ts';

const baseline = ladderFamily(BASELINE_ARM_ID, [150, 459, 1404, 4300]);
const rowOf = (kbps: number[], line: { mean: number; sd: number }) => {
  const features = responseFeatures([baseline, ladderFamily('other', kbps)], line);
  return Array.from({ length: RESPONSE_FEATURES }, (_, column) => at(features, 1, column));
};
const size = (values: number[]) => Math.hypot(...values);

describe('what a ladder is on a line', () => {
  it('is nothing for the baseline itself, and for one with the same rungs', () => {
    expect(size(rowOf([150, 459, 1404, 4300], { mean: 0, sd: 1 }))).toBe(0);
  });

  it('is the same on slow lines for ladders that differ in their top rung only, and another on fast ones', () => {
    const lowTop = [150, 459, 1404];
    expect(size(rowOf(lowTop, { mean: Math.log(0.4), sd: 0.3 }))).toBeLessThan(0.01);
    expect(size(rowOf(lowTop, { mean: Math.log(12), sd: 0.3 }))).toBeGreaterThan(1);
  });

  it('says of a floor above the line that it asks too much, where there are such lines', () => {
    const floorTooHigh = (mbps: number) =>
      rowOf([1200, 4300], { mean: Math.log(mbps), sd: 0.3 }).filter((_, column) => column % 4 === 1);
    expect(Math.max(...floorTooHigh(0.4))).toBeGreaterThan(0.5);
    expect(size(floorTooHigh(12))).toBeLessThan(0.001);
  });

  it('is finite for any ladder and any lines', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 30, max: 20_000 }), { minLength: 1, maxLength: 8 }),
        fc.double({ min: -8, max: 8, noNaN: true }),
        fc.double({ min: 0, max: 4, noNaN: true }),
        (kbps, mean, sd) => {
          const rungs = kbps.toSorted((a, b) => a - b);
          expect(rowOf(rungs, { mean, sd }).every(Number.isFinite)).toBe(true);
        },
      ),
    );
  });
});
