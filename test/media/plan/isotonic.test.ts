import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isotonic } from '../../../src/media/plan/isotonic.ts';

const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 30 });
const squares = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0);

test('falling neighbours become their mean, rising ones stay', () => {
  expect(isotonic([1, 3, 2, 4])).toEqual([1, 2.5, 2.5, 4]);
  expect(isotonic([3, 2, 1])).toEqual([2, 2, 2]);
  expect(isotonic([])).toEqual([]);
});

test('the result never falls, keeps the mean and leaves a rising sequence alone', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const fitted = isotonic(values);
      expect(fitted).toHaveLength(values.length);
      for (const [index, value] of fitted.entries())
        expect(value).toBeGreaterThanOrEqual((fitted[index - 1] ?? value) - 1e-9);
      const sum = (all: number[]): number => all.reduce((total, value) => total + value, 0);
      expect(sum(fitted)).toBeCloseTo(sum(values), 6);
      const rising = [...values].sort((a, b) => a - b);
      expect(squares(isotonic(rising), rising)).toBeCloseTo(0, 9);
    }),
  );
});

test('no other rising sequence is nearer', () => {
  fc.assert(
    fc.property(numbers, numbers, (values, other) => {
      const rival = values.map((_, index) => other[index] ?? 0).sort((a, b) => a - b);
      expect(squares(isotonic(values), values)).toBeLessThanOrEqual(squares(rival, values) + 1e-6);
    }),
  );
});
