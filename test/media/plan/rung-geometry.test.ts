import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displaySize, fitShortSide, shortSide } from '../../../src/media/plan/rung-geometry.ts';

const side = fc.integer({ min: 2, max: 8000 });

test.each([
  [{ width: 1920, height: 1080 }, 720, { width: 1280, height: 720 }],
  [{ width: 1080, height: 1920 }, 360, { width: 360, height: 640 }],
  [{ width: 854, height: 480 }, 360, { width: 640, height: 360 }],
  [{ width: 640, height: 360 }, 1080, { width: 640, height: 360 }],
  [{ width: 160, height: 120 }, 240, { width: 160, height: 120 }],
  [{ width: 500, height: 500 }, 240, { width: 240, height: 240 }],
])('%j at %d becomes %j', (source, short, expected) => {
  expect(fitShortSide(source, short)).toEqual(expected);
});

test('a rung is even, never larger than its source, never larger than asked, and of the same shape', () => {
  fc.assert(
    fc.property(side, side, fc.integer({ min: 16, max: 4320 }), (width, height, short) => {
      const size = fitShortSide({ width, height }, short);
      expect(size.width % 2).toBe(0);
      expect(size.height % 2).toBe(0);
      expect(shortSide(size)).toBeLessThanOrEqual(short);
      expect(size.width).toBeLessThanOrEqual(width + 1);
      expect(size.height).toBeLessThanOrEqual(height + 1);
      expect(size.width >= size.height || width < height).toBe(true);
      const drift = Math.abs(size.width - (shortSide(size) / Math.min(width, height)) * width);
      expect(drift).toBeLessThanOrEqual(2 + width / Math.min(width, height));
    }),
  );
});

test('non-square pixels are expanded before the picture is turned upright', () => {
  const coded = { width: 640, height: 360, sampleAspectRatio: 2, rotation: 0 } as const;
  expect(displaySize(coded)).toEqual({ width: 1280, height: 360 });
  expect(displaySize({ ...coded, sampleAspectRatio: 0.5 })).toEqual({ width: 640, height: 720 });
  expect(displaySize({ ...coded, rotation: 90 })).toEqual({ width: 360, height: 1280 });
  expect(displaySize({ ...coded, rotation: 180 })).toEqual({ width: 1280, height: 360 });
});

test('odd lines are dropped', () => {
  expect(displaySize({ width: 161, height: 121, sampleAspectRatio: 1, rotation: 0 })).toEqual({
    width: 160,
    height: 120,
  });
});
