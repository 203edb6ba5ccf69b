import { isotonic } from '../isotonic.ts';
import type { FrameSize } from '../rung-geometry.ts';
import { monotoneCubic } from './monotone-cubic.ts';
import type { QualitySample } from './title-analysis.ts';

/** What a size would take and show somewhere on its curve. */
export type CurveValue = { crf: number; kbps: number; phone: number; desktop: number };

/** One size of a title: quality over bitrate. */
export type RateQualityCurve = {
  size: FrameSize;
  /** What this size makes of so many kbit/s; it spends less where its best sample does, and cannot do with less than at its worst. At the rate it was sampled at, or another. */
  at(kbps: number, fps?: number): CurveValue;
};

/**
 * How far above the CRFs that were sampled a curve is believed. Further up, bitrate stops falling sooner than quality does: for so few
 * bits a smaller size was sampled. Below the least that was sampled, nobody knows what bits would bring.
 */
const BEYOND_SAMPLES_CRF = 2;

/** Bits grow slower than frames: neighbours in time resemble each other. */
const FPS_EXPONENT = 0.6;

/**
 * What x264 means by a constant quality depends on how long a frame is shown: its quantiser goes with duration ** -(1 - qcomp), 0.4, and
 * doubles every 6. At half the frame rate the same picture needs this much more CRF.
 */
const CRF_PER_HALVED_FPS = 6 * 0.4;

/** Points that differ by less than this in log-bitrate are one. */
const LEAST_LOG_STEP = 1e-3;

/** Curves of all sizes sampled, smallest first; each never falls, in quality or in bitrate with falling CRF. */
export function rateQualityCurves(samples: readonly QualitySample[]): RateQualityCurve[] {
  const sizeOf = ({ width, height }: QualitySample): string => `${width}x${height}`;
  return [...new Set(samples.map(sizeOf))]
    .map((size) => curveOf(samples.filter((sample) => sizeOf(sample) === size).sort((a, b) => b.crf - a.crf)))
    .sort((a, b) => a.size.width * a.size.height - b.size.width * b.size.height);
}

/** `samples` by falling CRF. */
function curveOf(samples: readonly QualitySample[]): RateQualityCurve {
  const [first] = samples;
  if (!first) throw new RangeError('samples: expected at least 1 (got 0)');
  const crfs = samples.map(({ crf }) => crf);
  const [leastCrf, mostCrf] = [Math.min(...crfs), Math.max(...crfs) + BEYOND_SAMPLES_CRF];
  const logs = isotonic(samples.map(({ kbps }) => Math.log(kbps))).map((log, index) => log + index * LEAST_LOG_STEP);
  const over = (values: readonly number[]): ((log: number) => number) =>
    monotoneCubic(logs.map((x, index) => ({ x, y: values[index] ?? 0 })));
  const phone = over(isotonic(samples.map((sample) => sample.phone)));
  const desktop = over(isotonic(samples.map((sample) => sample.desktop)));
  const crfAt = over(samples.map((sample) => sample.crf));
  const logAtCrf = monotoneCubic(samples.map((sample, index) => ({ x: -sample.crf, y: logs[index] ?? 0 })));
  const atLog = (log: number, fpsFactor: number): CurveValue => ({
    crf: crfAt(log),
    kbps: Math.exp(log) * fpsFactor,
    phone: points(phone(log)),
    desktop: points(desktop(log)),
  });
  return {
    size: { width: first.width, height: first.height },
    at(kbps, fps = first.fps) {
      const fpsFactor = (fps / first.fps) ** FPS_EXPONENT;
      const value = atLog(Math.log(kbps / fpsFactor), fpsFactor);
      const clamped = Math.min(mostCrf, Math.max(leastCrf, value.crf));
      const sampled = clamped === value.crf ? value : atLog(logAtCrf(-clamped), fpsFactor);
      return { ...sampled, crf: clamped + CRF_PER_HALVED_FPS * Math.log2(first.fps / fps) };
    },
  };
}

const points = (value: number): number => Math.min(100, Math.max(0, value));
