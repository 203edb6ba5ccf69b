import { describe, expect, test } from 'vitest';
import { analysisGrid } from '../../../../src/media/plan/per-title/analysis-grid.ts';
import { analysisJob, mediaBytes } from '../../../../src/media/plan/per-title/analysis-job.ts';
import { analysisWindows, bytesBySegment } from '../../../../src/media/plan/per-title/analysis-windows.ts';
import { titleRenditions } from '../../../../src/media/plan/per-title/title-renditions.ts';
import { remainingRenditions } from '../../../../src/media/plan/plan-renditions.ts';
import { coldPlan } from '../../../fixtures/encode-plan.ts';
import { sourceDetails } from '../source.ts';
import { analysisOf, modelSamples } from './samples.ts';

const details = sourceDetails({ source: { width: 854, height: 480, bitrateKbps: 3000 } });
const identity = { uploadKey: 'uploads/u1', details };
const rungs = [150, 262, 459, 803, 1404].map((bitrateKbps, index) => ({
  bitrateKbps,
  height: [240, 270, 360, 480, 480][index] ?? 480,
  fps: 30,
}));
const plan = { ...coldPlan, rungs };

describe('renditions of an analysed title', () => {
  const analysis = analysisOf(modelSamples({ kbpsAt23: 700, detail: 30 }));

  test('are the same whenever and wherever they are planned', () => {
    expect(titleRenditions(identity, plan, analysis)).toEqual(
      titleRenditions(identity, plan, structuredClone(analysis)),
    );
  });

  test('are where arms look for them: at nominal × scale', () => {
    const { renditions, complexityScale } = titleRenditions(identity, plan, analysis);
    const wanted = rungs.map(({ bitrateKbps }) => Math.round(bitrateKbps * complexityScale));
    expect(renditions.length).toBeGreaterThan(1);
    for (const { targetKbps, crf, predictedQuality } of renditions) {
      expect(wanted).toContain(targetKbps);
      expect(crf).toBeGreaterThanOrEqual(17);
      expect(predictedQuality?.desktop).toBeGreaterThan(0);
    }
  });

  test('have other ids at another quality', () => {
    const harder = analysisOf(modelSamples({ kbpsAt23: 760, detail: 30 }));
    const ids = (of: typeof analysis) => titleRenditions(identity, plan, of).renditions.map(({ id }) => id);
    expect(ids(harder)).not.toEqual(ids(analysis));
  });

  test('without samples are the plan as it stands', () => {
    const titled = titleRenditions(identity, plan, analysisOf([]));
    expect(titled).toEqual({ complexityScale: 1, renditions: remainingRenditions(identity, plan, 1), leftOut: [] });
  });

  test('are smaller for an audience of phones', () => {
    const detailed = analysisOf(modelSamples({ kbpsAt23: 700, detail: 80 }));
    const sizes = (device: 'phone' | 'tv') => {
      const [share] = plan.audience.shares;
      if (!share) throw new Error('no audience');
      const audience = { ...plan.audience, shares: [{ ...share, device }] };
      const { renditions } = titleRenditions(identity, { ...plan, audience }, detailed);
      return renditions.reduce((sum, { size }) => sum + size.height, 0) / renditions.length;
    };
    expect(sizes('phone')).toBeLessThan(sizes('tv'));
  });
});

describe('what is sampled', () => {
  const segments = (bytes: readonly number[]) => bytes.map((each) => ({ durationMs: 2000, bytes: each }));

  test('is an easy, an ordinary and a hard segment of a long title, in order of time', () => {
    const windows = analysisWindows(segments([...Array.from({ length: 18 }, (_, index) => (18 - index) * 100)]));
    expect(windows.map(({ segmentIndex }) => segmentIndex)).toEqual([2, 8, 14]);
    expect(windows.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1);
    expect(windows[0]).toMatchObject({ startSeconds: 4, seconds: 2 });
  });

  test('is never the stub at the end, and both of two segments, unlike as they may be', () => {
    const withStub = [...segments([100]), { durationMs: 300, bytes: 90 }];
    expect(analysisWindows(withStub)).toEqual([{ segmentIndex: 0, startSeconds: 0, seconds: 2, weight: 1 }]);
    expect(analysisWindows(segments([100, 200])).map(({ segmentIndex }) => segmentIndex)).toEqual([0, 1]);
  });

  test('is ranked by what the source spent: its packets, in any order, by the segment they are shown in', () => {
    const packet = (pts_time: number, size: number) => ({ pts_time, size });
    // Milliseconds, rounded down, from an origin of their own; the last is shown after the end.
    const packets = [packet(7, 5), packet(8.999, 10), packet(9.5, 30), packet(8.9, 7), packet(12, 900)];
    expect(bytesBySegment(packets, segments([0, 0]))).toEqual([12, 40]);
    expect(bytesBySegment(packets, segments([0, 0, 0]))).toEqual([12, 40, 900]);
  });

  test('is every size at the frame rate the plan has near it, none above source and plan', () => {
    const fast = sourceDetails({ source: { width: 1920, height: 1080, fps: 60 } });
    const ladder = [
      { height: 360, bitrateKbps: 400, fps: 30 },
      { height: 1080, bitrateKbps: 4000, fps: 60 },
    ];
    const grid = analysisGrid(fast, ladder);
    expect([...new Set(grid.map(({ size, fps }) => `${size.height}@${fps}`))]).toEqual([
      '1080@60',
      '720@60',
      '540@30',
      '360@30',
      '270@30',
    ]);
    expect(analysisGrid(fast, ladder.slice(0, 1))[0]?.size).toEqual({ width: 640, height: 360 });
  });

  test('is encoded in one process, decoded once and scaled once per size', () => {
    const grid = analysisGrid(details, rungs);
    const input = { path: '/u', details, capabilities: { zscale: true } };
    const job = analysisJob(input, { segmentIndex: 1, startSeconds: 2, seconds: 2 }, grid);
    expect(job.inputs).toHaveLength(1);
    expect(job.outputs).toHaveLength(grid.length);
    expect(job.filterGraph?.match(/scale=\d+:\d+:flags=bicubic,setsar/g)).toHaveLength(4);
    for (const [index, { crf }] of grid.entries()) {
      expect(job.outputs[index]?.options).toEqual(expect.arrayContaining([`[v${index}]`, '-crf', String(crf)]));
    }
  });

  test('weighs by its media, not by its tables', () => {
    const box = (type: string, payload: number) => {
      const bytes = Buffer.alloc(8 + payload);
      bytes.writeUInt32BE(8 + payload);
      bytes.write(type, 4, 'latin1');
      return bytes;
    };
    expect(mediaBytes(Buffer.concat([box('ftyp', 20), box('mdat', 123), box('moov', 700)]))).toBe(123);
    expect(mediaBytes(Buffer.from('not a file'))).toBe(0);
    expect(mediaBytes(Buffer.alloc(0))).toBe(0);
  });
});
