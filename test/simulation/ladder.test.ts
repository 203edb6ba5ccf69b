import { describe, expect, it } from 'vitest';
import { segmentFrom } from '../../src/simulation/ladder.ts';

describe('the next segment of a rendition', () => {
  const segments = [
    { durationMs: 4000, bytes: 40 },
    { durationMs: 4000, bytes: 41 },
    { durationMs: 1500, bytes: 15 },
  ];

  it('is the one that starts where the buffer ends', () => {
    expect(segmentFrom(segments, 4000)).toEqual({ durationMs: 4000, bytes: 41, newMs: 4000, endsTitle: false });
  });

  it('is fetched whole when a part of it is buffered already, and adds only the rest', () => {
    expect(segmentFrom(segments, 2000)).toEqual({ durationMs: 4000, bytes: 40, newMs: 2000, endsTitle: false });
  });

  it('takes ends that differ by rounding for the same keyframe', () => {
    expect(segmentFrom(segments, 3990).bytes).toBe(41);
    expect(segmentFrom(segments, 4010)).toMatchObject({ bytes: 41, newMs: 3990 });
  });

  it('begins the title again after its end', () => {
    expect(segmentFrom(segments, 8000)).toMatchObject({ bytes: 15, endsTitle: true });
    expect(segmentFrom(segments, 9500)).toMatchObject({ bytes: 40, newMs: 4000, endsTitle: false });
  });
});
