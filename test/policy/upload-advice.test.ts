import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ASSUMED_UPLINKS, adviseUpload, type KnownUplinks, plannedKbps } from '../../src/policy/upload-advice.ts';

const known = (p10: number, p50: number): KnownUplinks => ({
  fallbackLevel: 'cell',
  uploads: 100,
  uplinkKbps: { p10, p50, p90: p50 * 3 },
});

describe('advice for an upload', () => {
  it('a weak line gets small chunks, one file at a time and no more picture than it carries', () => {
    expect(adviseUpload(known(300, 600), null)).toEqual({
      chunkBytes: 512 * 1024,
      parallel: 1,
      maxHeight: 360,
      maxBitrateKbps: 849,
    });
  });

  it('a strong line is not held back', () => {
    const advice = adviseUpload(known(40_000, 100_000), null);
    expect(advice).toEqual({ chunkBytes: 32 * 1024 ** 2, parallel: 3, maxHeight: 2160, maxBitrateKbps: 50_000 });
  });

  it('lies between a bad and an ordinary line until the upload shows its own', () => {
    expect(plannedKbps(known(1_000, 4_000), null)).toBeCloseTo(2_000);
    const little = plannedKbps(known(1_000, 4_000), { bytes: 200_000, kbps: 200 });
    const much = plannedKbps(known(1_000, 4_000), { bytes: 50_000_000, kbps: 200 });
    expect(little).toBeGreaterThan(1_500);
    expect(much).toBeLessThan(250);
  });

  it('never asks for less on a better line, and is always usable', () => {
    const line = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(line, line, fc.integer({ min: 1, max: 1e9 }), (left, right, bytes) => {
        const [slow, fast] = [Math.min(left, right), Math.max(left, right)].map((kbps) =>
          adviseUpload(ASSUMED_UPLINKS, { bytes, kbps }),
        );
        for (const name of ['chunkBytes', 'parallel', 'maxHeight', 'maxBitrateKbps'] as const) {
          expect(slow?.[name]).toBeGreaterThan(0);
          expect(slow?.[name]).toBeLessThanOrEqual(fast?.[name] ?? 0);
        }
      }),
    );
  });
});
