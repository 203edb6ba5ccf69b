import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guessQuality, qualityFromSsim, qualityOnDevices, smoothOverBitrate } from '../../../src/media/plan/quality.ts';

const ssimAtDb = (db: number): number => 1 - 10 ** (-db / 10);
const points = fc.double({ min: 0, max: 100, noNaN: true });

test('20 dB is transparent, 13 dB clearly compressed, 5 dB barely recognisable', () => {
  expect(qualityFromSsim(ssimAtDb(20))).toBeCloseTo(97, 6);
  expect(qualityFromSsim(ssimAtDb(13))).toBeCloseTo(62, 6);
  expect(qualityFromSsim(ssimAtDb(5))).toBeCloseTo(15, 6);
  expect(qualityFromSsim(1)).toBe(100);
  expect(qualityFromSsim(0)).toBe(0);
});

test('quality rises with SSIM and stays within 0..100, nonsense included', () => {
  fc.assert(
    fc.property(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }), (a, b) => {
      const [low, high] = [qualityFromSsim(Math.min(a, b)), qualityFromSsim(Math.max(a, b))];
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(100);
    }),
  );
});

test('phone ≥ tablet ≥ desktop ≥ tv on every rendition', () => {
  fc.assert(
    fc.property(points, points, (phone, desktop) => {
      const quality = qualityOnDevices({ phone, desktop });
      expect(quality.phone).toBeGreaterThanOrEqual(quality.tablet);
      expect(quality.tablet).toBeGreaterThanOrEqual(quality.desktop);
      expect(quality.desktop).toBeGreaterThanOrEqual(quality.tv);
      expect(quality.tv).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('a guess rises with bitrate and falls with complexity', () => {
  expect(guessQuality(800, 1).phone).toBeGreaterThan(guessQuality(400, 1).phone);
  expect(guessQuality(800, 1).desktop).toBeGreaterThan(guessQuality(800, 2).desktop);
});

test('more bits never look worse, and order of the renditions does not matter', () => {
  const rendition = fc.record({ bitrateKbps: fc.integer({ min: 100, max: 9000 }), phone: points, desktop: points });
  fc.assert(
    fc.property(
      fc.uniqueArray(rendition, { minLength: 1, maxLength: 12, selector: (r) => r.bitrateKbps }),
      (renditions) => {
        const smooth = smoothOverBitrate(renditions);
        expect(smooth.map((r) => r.bitrateKbps)).toEqual(renditions.map((r) => r.bitrateKbps));
        const rising = [...smooth].sort((a, b) => a.bitrateKbps - b.bitrateKbps);
        for (const [index, r] of rising.entries()) {
          const before = rising[index - 1];
          if (!before) continue;
          expect(r.phone).toBeGreaterThanOrEqual(before.phone - 1e-9);
          expect(r.desktop).toBeGreaterThanOrEqual(before.desktop - 1e-9);
        }
        const reversed = smoothOverBitrate([...renditions].reverse()).reverse();
        for (const [index, r] of reversed.entries()) expect(r.phone).toBeCloseTo(smooth[index]?.phone ?? Number.NaN, 9);
      },
    ),
  );
});
