import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkFrames, chunkPlanId, planChunks } from '../../../src/media/plan/chunks.ts';
import { normaliseFilters } from '../../../src/media/plan/normalise-graph.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { remainderJob } from '../../../src/media/plan/remainder-job.ts';
import { sourceDetails } from './source.ts';

/** Segments of two seconds and a last one, as the first rung comes out. */
const segmentsOf = (count: number, lastMs = 2000) => [
  ...Array.from({ length: count - 1 }, () => ({ durationMs: 2000 })),
  { durationMs: lastMs },
];
const long = fc.record({ count: fc.integer({ min: 61, max: 20_000 }), lastMs: fc.integer({ min: 1, max: 2000 }) });

describe('cutting a long source', () => {
  test('covers every segment once, in order, in chunks of 30 to 60 s that differ by one segment at most', () => {
    fc.assert(
      fc.property(long, ({ count, lastMs }) => {
        const chunks = planChunks(segmentsOf(count, lastMs), 2);
        expect(chunks.map(({ index }) => index)).toEqual(chunks.map((_, index) => index));
        expect(chunks.flatMap(({ firstSegment, segmentCount }) => [firstSegment, firstSegment + segmentCount])).toEqual(
          [0, ...chunks.slice(1).flatMap(({ firstSegment }) => [firstSegment, firstSegment]), count],
        );
        const sizes = chunks.map(({ segmentCount }) => segmentCount);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(Math.min(...sizes) * 2).toBeGreaterThanOrEqual(30);
        expect(Math.max(...sizes) * 2).toBeLessThanOrEqual(60);
      }),
    );
  });

  test('leaves no frame out and takes none twice, at any rate; the last chunk ends where the source does', () => {
    fc.assert(
      fc.property(long, fc.constantFrom(24, 30, 50, 60), ({ count }, fps) => {
        const ranges = planChunks(segmentsOf(count), 2).map((chunk) => chunkFrames(chunk, count, 2 * fps));
        expect(ranges[0]?.start).toBe(0);
        expect(ranges.slice(0, -1).map(({ end }) => end)).toEqual(ranges.slice(1).map(({ start }) => start));
        expect(ranges.at(-1)?.end).toBeNull();
      }),
    );
  });

  test('is not done to what is short, nor to what has no even segments', () => {
    expect(planChunks(segmentsOf(59), 2)).toEqual([]);
    expect(planChunks(segmentsOf(60), 2)).toHaveLength(3);
    const uneven = segmentsOf(100);
    uneven[40] = { durationMs: 1960 };
    expect(planChunks(uneven, 2)).toEqual([]);
    expect(planChunks([], 2)).toEqual([]);
  });

  test('has a name that says what is made and how it is cut, in whatever order the rungs come', () => {
    const cut = planChunks(segmentsOf(100), 2);
    expect(chunkPlanId(['a', 'b'], cut)).toBe(chunkPlanId(['b', 'a'], cut));
    expect(chunkPlanId(['a'], cut)).not.toBe(chunkPlanId(['a', 'b'], cut));
    expect(chunkPlanId(['a'], planChunks(segmentsOf(101), 2))).not.toBe(chunkPlanId(['a'], cut));
  });
});

describe('a chunk', () => {
  const details = sourceDetails({ durationMs: 300_000 });
  const input = { path: '/store/uploads/u1', details, capabilities: { zscale: true } };
  const rungs = [360, 360, 720].map((height, index) =>
    planRendition({ uploadKey: 'uploads/u1', details }, { height, bitrateKbps: 500 * (index + 1), fps: 30 }, 1),
  );

  test('keeps the source’s clock, seeks ahead of its first frame, and is cut by frame', () => {
    const job = remainderJob(input, rungs, { frames: { start: 1320, end: 2640 }, firstSegment: 22 });
    expect(job.inputs[0]?.options.join(' ')).toMatch(/^-copyts -start_at_zero .* -noaccurate_seek -ss 43\.5$/);
    expect(job.filterGraph).toContain('fps=fps=30,trim=start_pts=1320:end_pts=2640,setpts=PTS-1320,scale=');
    for (const { options } of job.outputs) expect(options.join(' ')).toContain('-start_number 22');
  });

  test('begins as the whole does where it is the first, and ends as the whole does where it is the last', () => {
    const filters = (frames: { start: number; end: number | null }): string =>
      normaliseFilters(details.video, { size: { width: 640, height: 360 }, fps: 30, frames }, { zscale: true });
    expect(filters({ start: 0, end: 900 })).toMatch(/^fps=fps=30:start_time=0,trim=end_pts=900,scale/);
    expect(filters({ start: 900, end: null })).toMatch(/^fps=fps=30,trim=start_pts=900,setpts=PTS-900,scale/);
    const first = remainderJob(input, rungs, { frames: { start: 0, end: 900 }, firstSegment: 0 });
    expect(first.inputs[0]?.options).not.toContain('-ss');
  });

  test('scales once for rungs that differ in bitrate alone', () => {
    const graph = remainderJob(input, rungs).filterGraph ?? '';
    expect(graph).toContain(
      'split=2[s0][s1];[s0]scale=640:360:flags=bicubic,setsar=1,split=2[v0][v1];[s1]scale=1280:720',
    );
  });
});
