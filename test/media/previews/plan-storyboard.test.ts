import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planStoryboard } from '../../../src/media/previews/plan-storyboard.ts';

const lasting = (count: number, durationMs: number, lastMs = durationMs) =>
  Array.from({ length: count }, (_, index) => ({ durationMs: index === count - 1 ? lastMs : durationMs }));
const landscape = { width: 426, height: 240 };

describe('a storyboard', () => {
  test('of a short clip has a tile per keyframe, on a sprite no larger than they need', () => {
    expect(planStoryboard({ ...landscape, segments: lasting(7, 2002, 500) })).toEqual({
      columns: 5,
      rows: 2,
      tile: { width: 160, height: 90 },
      intervalMs: 2002,
      segments: [0, 1, 2, 3, 4, 5, 6],
    });
    expect(planStoryboard({ ...landscape, segments: lasting(1, 400) })).toMatchObject({ columns: 1, rows: 1 });
  });

  test('of a long film has a bounded number of tiles, further apart', () => {
    const plan = planStoryboard({ ...landscape, segments: lasting(3600, 2000) });
    expect(plan).toMatchObject({ intervalMs: 24_000, columns: 5, rows: 5 });
    expect(plan.segments).toHaveLength(300);
    expect(plan.segments.slice(0, 3)).toEqual([0, 12, 24]);
  });

  test('stands as its video does, and is never larger than it', () => {
    expect(planStoryboard({ width: 240, height: 426, segments: lasting(2, 2000) }).tile).toEqual({
      width: 90,
      height: 160,
    });
    expect(planStoryboard({ width: 64, height: 36, segments: lasting(2, 2000) }).tile).toEqual({
      width: 64,
      height: 36,
    });
  });

  test('shows, at every interval, the segment that is playing then, and none twice', () => {
    const someSegments = fc.array(fc.record({ durationMs: fc.integer({ min: 40, max: 9000 }) }), {
      minLength: 1,
      maxLength: 900,
    });
    fc.assert(
      fc.property(someSegments, (segments) => {
        const plan = planStoryboard({ ...landscape, segments });
        expect(plan.segments.length).toBeLessThanOrEqual(300);
        expect(new Set(plan.segments).size).toBe(plan.segments.length);
        const startOf = (index: number): number =>
          segments.slice(0, index).reduce((sum, { durationMs }) => sum + durationMs, 0);
        plan.segments.forEach((segment, index) => {
          expect(startOf(segment)).toBeLessThanOrEqual(index * plan.intervalMs + 5);
          expect(startOf(segment + 1)).toBeGreaterThan(index * plan.intervalMs);
        });
      }),
      { numRuns: 40 },
    );
  });
});
