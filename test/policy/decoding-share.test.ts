import { expect, test } from 'vitest';
import { decodingShare } from '../../src/policy/decoding-share.ts';

test('nobody who has said that they decode a codec is nobody', () => {
  expect(decodingShare(undefined, { views: 0, decoding: 0 })).toBe(0);
  expect(decodingShare({ views: 500, decoding: 0 }, { views: 5_000, decoding: 0 })).toBe(0);
});

test('an asset that few have watched is taken to be watched by everyone’s players, one that many have by its own', () => {
  const everyone = { views: 10_000, decoding: 6_000 };
  expect(decodingShare(undefined, everyone)).toBeCloseTo(0.6);
  expect(decodingShare({ views: 30, decoding: 0 }, everyone)).toBeCloseTo(0.3);
  expect(decodingShare({ views: 30_000, decoding: 3_000 }, everyone)).toBeCloseTo(0.1, 2);
});
