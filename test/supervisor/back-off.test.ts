import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_BACK_OFF, failuresAfterExit, restartDelayMs } from '../../src/supervisor/back-off.ts';

test('delays double from 250 ms and stay at 10 s', () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => restartDelayMs(DEFAULT_BACK_OFF, failures));
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('a delay never falls as crashes go on and never leaves its bounds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), (failures) => {
      const delay = restartDelayMs(DEFAULT_BACK_OFF, failures);
      expect(delay).toBeGreaterThanOrEqual(DEFAULT_BACK_OFF.firstMs);
      expect(delay).toBeLessThanOrEqual(DEFAULT_BACK_OFF.maxMs);
      expect(restartDelayMs(DEFAULT_BACK_OFF, failures + 1)).toBeGreaterThanOrEqual(delay);
    }),
  );
});

test('thirty seconds of good running make the next crash the first', () => {
  expect(failuresAfterExit(DEFAULT_BACK_OFF, 6, 29_999)).toBe(7);
  expect(failuresAfterExit(DEFAULT_BACK_OFF, 6, 30_000)).toBe(1);
  expect(failuresAfterExit(DEFAULT_BACK_OFF, 0, 0)).toBe(1);
});
