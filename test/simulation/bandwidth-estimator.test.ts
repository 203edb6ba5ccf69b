import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEstimator,
  estimatedFirstByteMs,
  estimatedKbps,
  hasMeasured,
  sampleDownload,
} from '../../src/simulation/bandwidth-estimator.ts';

type HlsJsEstimator = {
  sample(durationMs: number, bytes: number): void;
  sampleTTFB(ttfbMs: number): void;
  getEstimate(): number;
  getEstimateTTFB(): number;
};

// The original, from the pinned hls.js; by path, because its package does not export it.
const originalPath = resolve('node_modules/hls.js/src/utils/ewma-bandwidth-estimator.ts');
const { default: Original }: { default: new (slow: number, fast: number, defaultBps: number) => HlsJsEstimator } =
  await import(pathToFileURL(originalPath).href);

const downloadArbitrary = fc.record({
  latencyMs: fc.double({ min: 0, max: 2000, noNaN: true }),
  transferMs: fc.double({ min: 0, max: 30_000, noNaN: true }),
  bytes: fc.integer({ min: 1, max: 5_000_000 }),
});

describe('the bandwidth estimator', () => {
  it('believes its default until something was downloaded', () => {
    const fresh = createEstimator(500);
    expect(hasMeasured(fresh)).toBe(false);
    expect(estimatedKbps(fresh)).toBe(500);
    const aborted = sampleDownload(fresh, { latencyMs: 50, transferMs: 0, bytes: 0 });
    expect(estimatedKbps(aborted)).toBe(500);
    expect(estimatedFirstByteMs(aborted)).toBeCloseTo(50);
  });

  it('has no bias towards zero: one download of 1,000 kbit/s is an estimate of 1,000 kbit/s', () => {
    const once = sampleDownload(createEstimator(500), { latencyMs: 0, transferMs: 200, bytes: 25_000 });
    expect(estimatedKbps(once)).toBeCloseTo(1000);
  });

  it('takes the lower of a 3 s and a 9 s half-life, weighted by download time', () => {
    const up = [
      { latencyMs: 0, transferMs: 3000, bytes: 375_000 },
      { latencyMs: 0, transferMs: 3000, bytes: 1_125_000 },
    ].reduce(sampleDownload, createEstimator(500));
    const slowKept = 0.5 ** (3 / 9);
    expect(estimatedKbps(up)).toBeCloseTo((1000 * slowKept + 3000) / (1 + slowKept));
    const down = sampleDownload(up, { latencyMs: 0, transferMs: 6000, bytes: 75_000 });
    const fastBiased = (1000 * 0.5 + 3000) * 0.5 * 0.25 + 100 * 0.75;
    expect(estimatedKbps(down)).toBeCloseTo(fastBiased / (1 - 0.5 ** 4));
  });

  it("agrees with hls.js' own estimator over any downloads", () => {
    fc.assert(
      fc.property(fc.array(downloadArbitrary, { minLength: 1, maxLength: 30 }), (downloads) => {
        const original = new Original(9, 3, 500_000);
        let ours = createEstimator(500);
        for (const download of downloads) {
          original.sampleTTFB(download.latencyMs);
          const unexpectedMs = download.latencyMs - Math.min(download.latencyMs, original.getEstimateTTFB());
          original.sample(download.transferMs + unexpectedMs, download.bytes);
          ours = sampleDownload(ours, download);
          expect(estimatedKbps(ours) / (original.getEstimate() / 1000)).toBeCloseTo(1, 6);
          expect(estimatedFirstByteMs(ours)).toBeCloseTo(original.getEstimateTTFB(), 6);
        }
      }),
    );
  });
});
