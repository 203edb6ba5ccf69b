import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { monotoneCubic } from '../../../../src/media/plan/per-title/monotone-cubic.ts';

const rising = fc
  .array(
    fc.record({ dx: fc.double({ min: 0.1, max: 5, noNaN: true }), dy: fc.double({ min: 0, max: 9, noNaN: true }) }),
    {
      minLength: 2,
      maxLength: 8,
    },
  )
  .map((steps) => {
    let [x, y] = [0, 0];
    return steps.map(({ dx, dy }) => {
      x += dx;
      y += dy;
      return { x, y };
    });
  });

describe('a monotone cubic', () => {
  test('goes through its points', () => {
    fc.assert(
      fc.property(rising, (points) => {
        const curve = monotoneCubic(points);
        for (const { x, y } of points) expect(curve(x)).toBeCloseTo(y, 6);
      }),
    );
  });

  test('never falls where its points rise, between and beyond them', () => {
    fc.assert(
      fc.property(rising, fc.array(fc.double({ min: -5, max: 50, noNaN: true }), { minLength: 2 }), (points, xs) => {
        const values = [...xs].sort((a, b) => a - b).map(monotoneCubic(points));
        for (const [index, value] of values.entries()) {
          expect(value).toBeGreaterThanOrEqual((values[index - 1] ?? Number.NEGATIVE_INFINITY) - 1e-9);
        }
      }),
    );
  });

  test('is the straight line where the points are on one', () => {
    const curve = monotoneCubic([0, 1, 3].map((x) => ({ x, y: 2 * x + 1 })));
    for (const x of [-2, 0.5, 2.2, 7]) expect(curve(x)).toBeCloseTo(2 * x + 1, 9);
  });

  test('needs a point', () => {
    expect(() => monotoneCubic([])).toThrow(RangeError);
    expect(monotoneCubic([{ x: 1, y: 4 }])(9)).toBe(4);
  });
});
