import { describe, expect, test } from 'vitest';
import { clipJob, frameSize, posterJob, storyboardJob } from '../../../src/media/plan/preview-jobs.ts';
import { sourceDetails } from './source.ts';

const input = { path: '/upload', details: sourceDetails(), capabilities: { zscale: false } };

describe('previews', () => {
  test('posters are decoded from where they are taken, and never larger than the source', () => {
    const job = posterJob(input, 2);
    expect(job.inputs[0]?.options).toEqual(expect.arrayContaining(['-ss', '2']));
    expect(job.outputs.map(({ path }) => path)).toEqual(['poster.webp', 'poster-2x.webp']);
  });

  test('are made when nobody else needs the machine', () => {
    const clip = clipJob({ width: 640, height: 360, fps: 30 }, 150);
    const board = storyboardJob({ tile: { width: 160, height: 90 }, columns: 5, rows: 5 });
    expect([posterJob(input, 2), clip, board].map(({ jobClass }) => jobClass)).toEqual(Array(3).fill('background'));
  });

  test.each([
    [24, 2],
    [25, 2],
    [30, 2],
    [50, 4],
    [60, 4],
    [15, 1],
  ])('a clip of %d frames a second keeps every %d. of them', (fps, step) => {
    expect(clipJob({ width: 640, height: 360, fps }, 150).filterGraph).toContain(`framestep=${step},scale=256:144:`);
  });

  test('pictures to be hashed are at most 64 pixels each way', () => {
    expect(frameSize({ width: 160, height: 90 })).toEqual({ width: 64, height: 36 });
    expect(frameSize({ width: 90, height: 2000 })).toEqual({ width: 3, height: 64 });
    expect(frameSize({ width: 16, height: 16 })).toEqual({ width: 16, height: 16 });
  });
});
