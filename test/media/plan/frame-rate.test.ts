import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gopFrames,
  gopSeconds,
  naturalFrameRate,
  rationalFps,
  rungFrameRate,
} from '../../../src/media/plan/frame-rate.ts';

const times = (fps: number, count: number): number[] => Array.from({ length: count }, (_, index) => index / fps);
const inMilliseconds = (seconds: number[]): number[] => seconds.map((time) => Math.round(time * 1000) / 1000);

describe('the natural frame rate', () => {
  test.each([
    [24, 24],
    [24_000 / 1001, 24_000 / 1001],
    [25, 25],
    [30_000 / 1001, 30_000 / 1001],
    [30, 30],
    [50, 50],
    [60_000 / 1001, 60_000 / 1001],
    [15, 15],
    [100, 50],
    [120, 60],
    [240, 60],
    [90, 45],
  ])('of regular packets at %d is %d', (made, expected) => {
    expect(naturalFrameRate(times(made, 200))).toBeCloseTo(expected, 6);
  });

  test('survives containers that count milliseconds: 29.97 does not become 30, nor 23.976 24', () => {
    expect(naturalFrameRate(inMilliseconds(times(30_000 / 1001, 200)))).toBeCloseTo(29.97003, 4);
    expect(naturalFrameRate(inMilliseconds(times(24_000 / 1001, 200)))).toBeCloseTo(23.97602, 4);
  });

  test('is that of the regular frames when some are late, lost or out of order', () => {
    const regular = times(30, 120).filter((_, index) => index % 17 !== 0);
    const shuffled = [...regular.slice(60), ...regular.slice(0, 60)];
    expect(naturalFrameRate(shuffled)).toBe(30);
  });

  test('of a phone that makes 28.6 now and then is 30 or its NTSC twin', () => {
    expect(naturalFrameRate(times(28.6, 50))).toBeCloseTo(30, 0);
  });

  test('is unknown for a single picture', () => {
    expect(naturalFrameRate([0])).toBeNull();
    expect(naturalFrameRate([1, 1, 1])).toBeNull();
    expect(naturalFrameRate([])).toBeNull();
  });

  test('never exceeds 60, whatever the packets say', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 2, maxLength: 50 }), (any) => {
        const fps = naturalFrameRate(any);
        return fps === null || (fps > 0 && fps <= 60 + 1e-9);
      }),
    );
  });
});

describe('a rung’s frame rate', () => {
  test.each([
    [50, 30, 25],
    [60, 30, 30],
    [60_000 / 1001, 30, 30_000 / 1001],
    [30, 30, 30],
    [24, 30, 24],
    [30, 25, 30],
    [25, 60, 25],
    [60, 60, 60],
    [60, 15, 15],
  ])('from %d with a nominal %d is %d', (source, nominal, expected) => {
    expect(rungFrameRate(source, nominal)).toBeCloseTo(expected, 6);
  });

  test('divides the source’s by a whole number that also divides the group of pictures', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 60, noNaN: true }),
        fc.double({ min: 1, max: 60, noNaN: true }),
        (source, nominal) => {
          const divisor = source / rungFrameRate(source, nominal);
          expect(divisor).toBeCloseTo(Math.round(divisor), 6);
          expect(gopFrames(source) % Math.round(divisor)).toBe(0);
        },
      ),
    );
  });
});

test('groups of pictures are whole frames, as near two seconds as they get', () => {
  expect(gopSeconds(30)).toBe(2);
  expect(gopSeconds(30_000 / 1001)).toBeCloseTo(2.002, 9);
  expect(gopSeconds(12.5)).toBe(2);
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 60, noNaN: true }),
      (fps) => Math.abs(gopSeconds(fps) - 2) <= 0.5 / fps + 1e-9,
    ),
  );
});

test.each([
  [30, '30'],
  [30_000 / 1001, '30000/1001'],
  [29.97003, '30000/1001'],
  [24_000 / 1001, '24000/1001'],
  [15_000 / 1001, '15000/1001'],
  [12.5, '12500000/1000000'],
])('ffmpeg is given %d as %s', (fps, expected) => {
  expect(rationalFps(fps)).toBe(expected);
});
