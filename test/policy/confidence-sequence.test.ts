import { describe, expect, it } from 'vitest';
import { confidenceSequence } from '../../src/policy/confidence-sequence.ts';

const at = (standardError: number, alpha = 0.05) =>
  confidenceSequence({ difference: 1, standardError }, { alpha, tightestAt: 0.5 });
const width = (standardError: number, alpha?: number): number => {
  const { low, high } = at(standardError, alpha);
  return high - low;
};

describe('a confidence sequence', () => {
  it('is about the difference, and wider than an interval for one look', () => {
    const { low, high } = at(0.5);
    expect((low + high) / 2).toBeCloseTo(1, 12);
    expect(high - low).toBeGreaterThan(2 * 1.96 * 0.5);
    // By hand: information 4, mixture 4 ÷ (5.9915 + ln 6.9915) = 0.5040, radius √(4.5040 · ln(4.5040 ÷ (0.5040 · 0.0025))) ÷ 4.
    expect((high - low) / 2).toBeCloseTo(Math.sqrt(4.504 * Math.log(4.504 / (0.504 * 0.0025))) / 4, 3);
  });

  it('narrows with evidence, widens with certainty, and says nothing without any', () => {
    expect(width(0.1)).toBeLessThan(width(0.5));
    expect(width(0.5, 0.01)).toBeGreaterThan(width(0.5, 0.1));
    expect(at(0)).toEqual({ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
  });

  it('is tightest, against the interval for one look, near where it was asked to be', () => {
    const excess = (standardError: number): number => width(standardError) / standardError;
    expect(excess(0.5)).toBeLessThan(excess(2.5));
    expect(excess(0.5)).toBeLessThan(excess(0.02));
  });
});
