import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { svtAv1Options } from '../../../src/media/plan/av1-settings.ts';
import { av1Twin, type CodecSample, codecTrialJob, nextCrf, settleCrf } from '../../../src/media/plan/codec-trial.ts';
import { jobLoad } from '../../../src/media/plan/job-load.ts';
import { remainderJob } from '../../../src/media/plan/remainder-job.ts';
import { rendition } from '../../fixtures/assets.ts';
import { sourceDetails } from './source.ts';

const details = sourceDetails();
const input = { path: '/store/uploads/u1', details, capabilities: { zscale: true } };
const identity = { uploadKey: 'uploads/u1', details };
const rung = rendition({ id: 'r', bitrateKbps: 459 });

/** A title on which quality falls ever faster: 100 − crf² ÷ 50. */
const sample = (crf: number): CodecSample => {
  const points = 100 - crf ** 2 / 50;
  const quality = { phone: points, tablet: points, desktop: points, tv: points };
  return { crf, kbps: 4000 * Math.exp(-crf / 12), quality };
};
const atLeast = (points: number) => (quality: CodecSample['quality']) => quality.desktop >= points;

/** As a trial goes: three encodes, each where the ones before say. */
function tryOut(points: number) {
  const tried: CodecSample[] = [];
  for (let round = 0; round < 3; round += 1) tried.push(sample(nextCrf(tried, atLeast(points))));
  return { tried, settled: settleCrf(tried, atLeast(points)) };
}

describe('a trial', () => {
  test('finds what looks as good, within a step of the best, for any quality there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 22, max: 56 }), (crf) => {
        const { settled } = tryOut(sample(crf).quality.desktop);
        expect(settled).not.toBeNull();
        expect(sample(settled?.crf ?? 99).quality.desktop).toBeGreaterThanOrEqual(sample(crf).quality.desktop - 1);
        expect(Math.abs((settled?.crf ?? 99) - crf)).toBeLessThanOrEqual(2);
      }),
    );
  });

  test('says so where nothing looks as good, and stops where looking better is no use', () => {
    expect(tryOut(99.9).settled).toBeNull();
    expect(tryOut(0).settled?.crf).toBe(58);
  });

  test('encodes all rungs of a window in one go, as renditions would be', () => {
    const candidate = { size: { width: 640, height: 360 }, fps: 30, crf: 40, targetKbps: 459 };
    const window = { segmentIndex: 1, startSeconds: 2, seconds: 2 };
    const job = codecTrialJob(input, window, [candidate, { ...candidate, crf: 28, targetKbps: 803 }]);
    expect(job).toMatchObject({ name: 'codec-trial', jobClass: 'background' });
    expect(job.outputs.map(({ options }) => options.join(' '))).toEqual([
      expect.stringContaining('-c:v libsvtav1 -preset 8 -crf 40'),
      expect.stringContaining('-crf 28'),
    ]);
  });
});

describe('a rendition in AV1', () => {
  const twin = av1Twin(identity, rung, 40);
  test('has the size, rate and target of what it stands for, and an id that says what its bytes depend on', () => {
    expect(twin).toMatchObject({ size: { width: 640, height: 360 }, fps: 30, targetKbps: 459, crf: 40, codec: 'av1' });
    expect(twin.id).toMatch(/^360p-459k-av1-[0-9a-f]{8}$/);
    expect(av1Twin(identity, { ...rung, id: 'other', preset: 'slow' }, 40).id).toBe(twin.id);
    expect(av1Twin(identity, rung, 41).id).not.toBe(twin.id);
    expect(av1Twin({ ...identity, uploadKey: 'uploads/u2' }, rung, 40).id).not.toBe(twin.id);
  });

  test('has a keyframe on every instant that H.264 has one, by number of frames at its own rate', () => {
    const options = (fps: number) => remainderJob(input, [{ ...twin, fps }]).outputs[0]?.options.join(' ');
    expect(options(30)).toContain('-g 60 ');
    expect(options(15)).toContain('-g 30 ');
    expect(options(30)).not.toContain('force_key_frames');
  });

  test('is capped at one and a half times its rung, and never made at a bitrate alone', () => {
    expect(svtAv1Options({ targetKbps: 400, crf: 40 }, 60).join(' ')).toContain('mbr=600');
    expect(() => svtAv1Options({ targetKbps: 400 }, 60)).toThrow('crf');
  });

  test('weighs more than the same in H.264, in memory and in work', () => {
    const pictures = { width: 1920, height: 1080, fps: 30 };
    const [h264, av1] = [jobLoad(pictures, [pictures]), jobLoad(pictures, [{ ...pictures, codec: 'av1' }])];
    expect(av1.memoryBytes - h264.memoryBytes).toBeGreaterThan(200e6);
    expect(av1.pixelsPerSecond).toBe(2 * h264.pixelsPerSecond);
  });
});
