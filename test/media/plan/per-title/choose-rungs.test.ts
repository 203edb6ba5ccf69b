import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseRungs,
  JUST_NOTICEABLE_POINTS,
  TRANSPARENT_POINTS,
} from '../../../../src/media/plan/per-title/choose-rungs.ts';
import { hullAt, seenBy, sizesThatMatter } from '../../../../src/media/plan/per-title/quality-hull.ts';
import { rateQualityCurves } from '../../../../src/media/plan/per-title/rate-quality-curve.ts';
import { titleScale } from '../../../../src/media/plan/per-title/title-scale.ts';
import { modelSamples, titles } from './samples.ts';

const kbps = fc.double({ min: 20, max: 9000, noNaN: true });
const phoneShare = fc.double({ min: 0, max: 1, noNaN: true });
const sharesOf = (phone: number) => ({ phone, desktop: 1 - phone });

describe('a curve', () => {
  test('never shows less for more, and spends no more than it is given within what was sampled', () => {
    fc.assert(
      fc.property(titles, kbps, kbps, (title, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        for (const curve of rateQualityCurves(modelSamples(title))) {
          const [low, high] = [curve.at(less, 30), curve.at(more, 30)];
          expect(high.desktop).toBeGreaterThanOrEqual(low.desktop - 1e-9);
          expect(high.phone).toBeGreaterThanOrEqual(low.phone - 1e-9);
          expect(high.crf).toBeLessThanOrEqual(low.crf + 1e-9);
          if (low.crf < 39.99) expect(low.kbps).toBeLessThanOrEqual(less * 1.0001);
        }
      }),
    );
  });

  test('gives its samples back', () => {
    const samples = modelSamples({ kbpsAt23: 600, detail: 20 });
    const curves = rateQualityCurves(samples);
    for (const sample of samples) {
      const value = curves.find(({ size }) => size.height === sample.height)?.at(sample.kbps, 30);
      expect(value?.crf).toBeCloseTo(sample.crf, 1);
      expect(value?.desktop).toBeCloseTo(sample.desktop, 1);
    }
  });

  test('promises nothing for far fewer bits than it was sampled at', () => {
    const sampled = modelSamples({ kbpsAt23: 600, detail: 20 }, [360]).filter(({ crf }) => crf <= 29);
    const worst = Math.min(...sampled.map(({ kbps }) => kbps));
    const [curve] = rateQualityCurves(sampled);
    expect(curve?.at(worst / 3, 30).kbps).toBeGreaterThan(worst / 1.5);
    expect(curve?.at(worst / 3, 30).crf).toBe(31);
  });

  test('survives samples that contradict each other: more CRF that looks better, or takes more', () => {
    const [first, ...rest] = modelSamples({ kbpsAt23: 600, detail: 20 }, [360]);
    if (!first) throw new Error('no sample');
    const [curve] = rateQualityCurves([{ ...first, kbps: 1, desktop: 1 }, ...rest]);
    for (const rate of [10, 100, 1000]) {
      const { crf, kbps: spent, desktop } = curve?.at(rate, 30) ?? { crf: Number.NaN, kbps: 0, desktop: 0 };
      for (const value of [crf, spent, desktop]) expect(Number.isFinite(value)).toBe(true);
    }
  });

  test('costs less at half the frames', () => {
    const [curve] = rateQualityCurves(modelSamples({ kbpsAt23: 600, detail: 20 }, [360]));
    expect(curve?.at(300, 15).desktop).toBeGreaterThan(curve?.at(300, 30).desktop ?? 100);
  });

  test('means the same quantiser at half the frames, for which x264 wants 2.4 more', () => {
    const samples = modelSamples({ kbpsAt23: 600, detail: 20 }, [360]);
    const [curve] = rateQualityCurves(samples);
    for (const { kbps: rate, crf, desktop } of samples) {
      const slower = curve?.at(rate * 0.5 ** 0.6, 15);
      expect(slower?.crf).toBeCloseTo(crf + 2.4, 1);
      expect(slower?.desktop).toBeCloseTo(desktop, 1);
    }
  });
});

describe('the hull', () => {
  test('shows no less than the best size to the eye, and never takes a larger one that looks the same', () => {
    fc.assert(
      fc.property(titles, kbps, phoneShare, (title, rate, phone) => {
        const curves = rateQualityCurves(modelSamples(title));
        const shares = sharesOf(phone);
        const chosen = hullAt(curves, { kbps: rate, fps: 30, shares });
        for (const { size, at } of curves) {
          const value = at(rate, 30);
          if (value.kbps > rate * 1.05) continue;
          expect(seenBy(shares, chosen)).toBeGreaterThanOrEqual(seenBy(shares, value) - 0.2 - 1e-9);
          if (size.height < chosen.size.height)
            expect(seenBy(shares, value)).toBeLessThan(seenBy(shares, chosen) + 0.2);
        }
      }),
    );
  });

  test('prefers small sizes for few bits and large ones for many', () => {
    const curves = rateQualityCurves(modelSamples({ kbpsAt23: 1200, detail: 30 }));
    const at = (rate: number) => hullAt(curves, { kbps: rate, fps: 30, shares: sharesOf(0.5) }).size.height;
    expect([at(60), at(4000)]).toEqual([214, 480]);
  });

  test('leaves out sizes that show nothing more: an upscaled source', () => {
    const curves = rateQualityCurves(modelSamples({ kbpsAt23: 1200, detail: 0 }));
    expect(sizesThatMatter(curves, 5000, 30).map(({ size }) => size.height)).toEqual([214]);
    const sharp = rateQualityCurves(modelSamples({ kbpsAt23: 1200, detail: 30 }));
    expect(sizesThatMatter(sharp, 5000, 30).map(({ size }) => size.height)).toEqual([214, 320, 480]);
  });
});

describe('the rungs of a title', () => {
  const NOMINAL = [150, 262, 459, 803, 1404, 2457, 4300].map((bitrateKbps) => ({ bitrateKbps, height: 480, fps: 30 }));
  const chosen = (title: { kbpsAt23: number; detail: number }, phone = 0.5) => {
    const curves = rateQualityCurves(modelSamples(title));
    const scale = titleScale(curves);
    return { scale, ...chooseRungs(curves, { rungs: NOMINAL, scale, shares: sharesOf(phone), fpsOf: () => 30 }) };
  };

  test('keep the floor, rise in bitrate, and never fall in size', () => {
    fc.assert(
      fc.property(titles, phoneShare, (title, phone) => {
        const { made, leftOut, scale } = chosen(title, phone);
        expect(made[0]?.targetKbps).toBe(Math.max(1, Math.round(150 * scale)));
        expect(made.length + leftOut.length).toBe(NOMINAL.length);
        for (const [index, rung] of made.slice(1).entries()) {
          const below = made[index];
          expect(rung.targetKbps).toBeGreaterThan(below?.targetKbps ?? 0);
          expect(rung.size.height).toBeGreaterThanOrEqual(below?.size.height ?? 0);
        }
      }),
    );
  });

  test('are a just-noticeable difference apart on some device, and none is above a transparent one', () => {
    fc.assert(
      fc.property(titles, (title) => {
        const { made } = chosen(title);
        for (const [index, { predictedQuality }] of made.slice(1).entries()) {
          const below = made[index]?.predictedQuality ?? { phone: 0, tablet: 0, desktop: 0, tv: 0 };
          const gains = (['phone', 'tablet', 'desktop', 'tv'] as const).map((d) => predictedQuality[d] - below[d]);
          expect(Math.max(...gains)).toBeGreaterThanOrEqual(JUST_NOTICEABLE_POINTS);
          expect(Math.min(...Object.values(below))).toBeLessThan(TRANSPARENT_POINTS);
        }
      }),
    );
  });

  test('take what they are asked for within the factor by which arms look for them, unless the size cannot', () => {
    fc.assert(
      fc.property(titles, (title) => {
        for (const { targetKbps, predictedKbps, crf } of chosen(title).made) {
          if (crf > 17.01 && crf < 39.99) {
            expect(predictedKbps).toBeGreaterThanOrEqual((targetKbps / 1.35) * 0.99);
            expect(predictedKbps).toBeLessThanOrEqual(targetKbps * 1.06);
          }
        }
      }),
    );
  });

  test('are made where the plan moves more smoothly, however good the pictures are already', () => {
    const curves = rateQualityCurves(modelSamples({ kbpsAt23: 100, detail: 0 }));
    const made = (topFps: number): number[] => {
      const rungs = NOMINAL.map((rung, index) => ({ ...rung, fps: index < 4 ? 30 : topFps }));
      const title = {
        rungs,
        scale: titleScale(curves),
        shares: sharesOf(0.5),
        fpsOf: ({ fps }: { fps: number }) => fps,
      };
      return chooseRungs(curves, title).made.map(({ rung }) => rung.fps);
    };
    expect(made(30)).not.toContain(60);
    expect(made(60).filter((fps) => fps === 60)).toHaveLength(1);
  });

  test('say why one is missing', () => {
    const easy = chosen({ kbpsAt23: 10, detail: 0 });
    expect(easy.leftOut.length).toBeGreaterThan(2);
    expect(new Set(easy.leftOut.map(({ why }) => why))).toContain('transparent-below');
  });
});

describe('the scale of a title', () => {
  const scaleOf = (kbpsAt23: number): number => titleScale(rateQualityCurves(modelSamples({ kbpsAt23, detail: 20 })));

  test('rises with what a title needs, and is limited', () => {
    expect(scaleOf(800)).toBeGreaterThan(scaleOf(400));
    expect([scaleOf(1), scaleOf(1e6)]).toEqual([0.25, 2.5]);
  });

  test('makes nominal bitrates look the same: twice the need, twice the scale', () => {
    expect(scaleOf(3000) / scaleOf(1500)).toBeCloseTo(2, 1);
  });
});
