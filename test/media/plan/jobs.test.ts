import { describe, expect, test } from 'vitest';
import { fastLaneJob } from '../../../src/media/plan/fast-lane-job.ts';
import { uploadInput } from '../../../src/media/plan/ffmpeg-job.ts';
import { normaliseFilters } from '../../../src/media/plan/normalise-graph.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { comparedStep, qualityJob, qualityWindows } from '../../../src/media/plan/quality-job.ts';
import { qualityPoints, readComparison } from '../../../src/media/plan/quality-metric.ts';
import { remainderJob } from '../../../src/media/plan/remainder-job.ts';
import { sourceDetails } from './source.ts';

const input = { path: '/store/uploads/u1', details: sourceDetails(), capabilities: { zscale: true } };
const rendition = (height: number, kbps: number, fps = 30, details = input.details) =>
  planRendition({ uploadKey: 'uploads/u1', details }, { height, bitrateKbps: kbps, fps }, 1);
const valueAfter = (options: readonly string[], flag: string): string | undefined => options[options.indexOf(flag) + 1];

describe('every job', () => {
  test('reads uploads through nothing but files and media demuxers, playlists left out', () => {
    const { options } = uploadInput('/x');
    expect(valueAfter(options, '-protocol_whitelist')).toBe('file,pipe');
    const formats = valueAfter(options, '-format_whitelist')?.split(',') ?? [];
    expect(formats).toContain('matroska');
    for (const dangerous of ['hls', 'concat', 'dash', 'lavfi', 'image2', 'tty'])
      expect(formats).not.toContain(dangerous);
  });

  test('does not seek to the beginning, because some containers cannot seek at all', () => {
    expect(uploadInput('/x', { startSeconds: 0, seconds: 3 }).options).not.toContain('-ss');
    expect(valueAfter(uploadInput('/x', { startSeconds: 1e-7 + 4, seconds: 3 }).options, '-ss')).toBe('4');
  });
});

describe('normalising', () => {
  const size = { width: 640, height: 360 };
  const filters = (change: Parameters<typeof sourceDetails>[0], zscale = true): string =>
    normaliseFilters(sourceDetails(change).video, { size, fps: 30 }, { zscale });

  test('fixes frame rate, size, pixels, range and matrix of an ordinary source', () => {
    expect(filters({ video: { matrix: 'smpte170m' } })).toBe(
      'fps=fps=30:start_time=0,scale=640:360:flags=bicubic:in_color_matrix=smpte170m:out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p',
    );
  });

  test('deinterlaces before anything else, and only what is interlaced', () => {
    expect(filters({ video: { interlaced: true } })).toMatch(/^bwdif=/);
    expect(filters({})).not.toContain('bwdif');
  });

  test('maps PQ and HLG to SDR, also where ffmpeg has no zscale', () => {
    expect(filters({ video: { transfer: 'pq' } })).toContain('tin=smpte2084');
    expect(filters({ video: { transfer: 'hlg' } })).toContain('tin=arib-std-b67');
    expect(filters({ video: { transfer: 'pq' } })).toContain('tonemap=tonemap=hable');
    expect(filters({ video: { transfer: 'pq' } }, false)).toContain('lutrgb');
    expect(filters({ video: { transfer: 'pq' } }, false)).not.toContain('zscale');
  });
});

describe('encoding', () => {
  test('the fast lane is one process with one rung and the audio, 2 s segments, an open playlist', () => {
    const job = fastLaneJob(input, rendition(240, 145));
    expect(job.outputs).toHaveLength(2);
    const [video, audio] = job.outputs;
    expect(valueAfter(video?.options ?? [], '-hls_playlist_type')).toBe('event');
    expect(valueAfter(video?.options ?? [], '-hls_time')).toBe('1.99');
    expect(audio?.options).toEqual(expect.arrayContaining(['-c:a', 'aac', '0:1', '-vn']));
    expect(
      fastLaneJob({ ...input, details: sourceDetails({ audio: null }) }, rendition(240, 145)).outputs,
    ).toHaveLength(1);
  });

  test('keyframes are forced by the same clock on every rung, and by nothing else', () => {
    const details = sourceDetails({ source: { fps: 60_000 / 1001 } });
    const all = { ...input, details };
    const rungs = [rendition(240, 145, 30, details), rendition(720, 3000, 60, details)];
    const options = [
      ...fastLaneJob(all, rendition(240, 100, 30, details)).outputs.slice(0, 1),
      ...remainderJob(all, rungs).outputs,
    ];
    const forced = options.map((output) => valueAfter(output.options, '-force_key_frames'));
    expect(new Set(forced)).toEqual(new Set(['expr:gte(t+0.001,n_forced*2.002)']));
    for (const output of options) expect(valueAfter(output.options, '-sc_threshold')).toBe('0');
  });

  test('the remainder normalises once, to its largest rung, then splits', () => {
    const graph =
      remainderJob(input, [rendition(240, 145), rendition(720, 3000), rendition(360, 365)]).filterGraph ?? '';
    expect(graph.match(/format=yuv420p/g)).toHaveLength(1);
    expect(graph).toContain('scale=1280:720:flags=bicubic:in_color_matrix');
    expect(graph).toContain('split=3[s0][s1][s2]');
    expect(graph).toContain('[s0]scale=426:240');
  });

  test('rungs of a lower frame rate drop frames after the split', () => {
    const details = sourceDetails({ source: { fps: 50 } });
    const graph = remainderJob({ ...input, details }, [
      rendition(240, 145, 30, details),
      rendition(720, 3000, 60, details),
    ]).filterGraph;
    expect(graph).toContain('[s0]fps=fps=25:start_time=0,');
    expect(graph).toContain('[s1]scale=1280:720');
  });

  test('peaks are capped at one and a half times the target over two seconds of buffer', () => {
    const options = remainderJob(input, [rendition(720, 3000)]).outputs[0]?.options ?? [];
    expect([valueAfter(options, '-b:v'), valueAfter(options, '-maxrate'), valueAfter(options, '-bufsize')]).toEqual([
      '3000k',
      '4500k',
      '6000k',
    ]);
  });
});

describe('measured quality', () => {
  const segments = (...durations: number[]) => durations.map((durationMs) => ({ durationMs }));

  test('is taken from two segments, a quarter and two thirds in, a stub at the end left out', () => {
    expect(qualityWindows(segments(2000, 2000, 2000, 2000, 100))).toEqual([
      { segmentIndex: 1, startSeconds: 2, seconds: 2 },
      { segmentIndex: 2, startSeconds: 4, seconds: 2 },
    ]);
  });

  test('of a clip of one segment is taken from that one', () => {
    expect(qualityWindows(segments(900))).toEqual([{ segmentIndex: 0, startSeconds: 0, seconds: 0.9 }]);
  });

  test('compares only frames that every rendition has', () => {
    expect(comparedStep(30, [30, 30])).toBe(3);
    expect(comparedStep(60, [60, 30])).toBe(6);
    expect(comparedStep(50, [25]) % 2).toBe(0);
    expect(comparedStep(60, [30, 20]) % 6).toBe(0);
    expect(comparedStep(10, [10])).toBe(1);
    expect(comparedStep(1, [1])).toBe(1);
  });

  test('all renditions are compared at both display sizes in one process', () => {
    const job = qualityJob(input, { segmentIndex: 1, startSeconds: 2, seconds: 2 }, [
      { path: 'a.mp4', fps: 30 },
      { path: 'b.mp4', fps: 30 },
    ]);
    expect(job.inputs).toHaveLength(3);
    expect(job.filterGraph?.match(/ssim=stats_file/g)).toHaveLength(4);
    // Eight frames of run-up are decoded and cut off again.
    expect(valueAfter(job.inputs[0]?.options ?? [], '-ss')).toBe('1.733333');
    expect(job.filterGraph).toContain('trim=start_frame=8:end_frame=68');
  });

  test('SSIM is the mean luma over all frames compared', () => {
    expect(readComparison('ssim', 'n:1 Y:0.9 U:1 V:1 All:0.93 (11)\nn:2 Y:0.8 U:1 V:1 All:0.9 (10)\n')).toBeCloseTo(
      0.85,
      9,
    );
    expect(readComparison('ssim', '')).toBeNull();
  });

  test('is VMAF, with its own model for phones, where ffmpeg has it', () => {
    const window = { segmentIndex: 0, startSeconds: 0, seconds: 2 };
    const withVmaf = { ...input, capabilities: { zscale: true, vmaf: true } };
    const graph = qualityJob(withVmaf, window, [{ path: 'a.mp4', fps: 30 }]).filterGraph ?? '';
    expect(graph).toContain('log_path=compared-0-desktop.log:model=version=vmaf_v0.6.1:shortest=1');
    expect(graph).toContain('log_path=compared-0-phone.log:model=version=vmaf_v0.6.1\\\\:enable_transform=true');
    expect(graph).not.toContain('ssim');
    const log = { version: '2.3.1', frames: [], pooled_metrics: { vmaf: { min: 80, max: 92, mean: 87.5 } } };
    expect(readComparison('vmaf', JSON.stringify(log))).toBe(87.5);
    expect(readComparison('vmaf', '')).toBeNull();
    expect([qualityPoints('vmaf', 87.5), qualityPoints('vmaf', 101)]).toEqual([87.5, 100]);
  });
});
