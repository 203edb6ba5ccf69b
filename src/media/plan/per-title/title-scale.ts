import { hullAt } from './quality-hull.ts';
import type { RateQualityCurve } from './rate-quality-curve.ts';

/**
 * What a nominal bitrate means: reference content shows this much at it. Two points, one of a small screen and one of a large,
 * where the middle rungs of ladders are; the bitrates are such that the scale is 1 for the middle of four camera and animation clips.
 */
const ANCHORS = [
  { screen: 'phone', points: 75, kbps: 310 },
  { screen: 'desktop', points: 85, kbps: 800 },
] as const;

/** Beyond these the analysis says more about its windows than about the title. */
const SCALE_LIMITS = { least: 0.25, most: 2.5 };

/** Where bitrates are looked for, kbit/s. */
const SEARCH_KBPS = { least: 5, most: 100_000 };
const SEARCH_STEPS = 40;

/** Bitrate this title needs for what reference content shows, 0.25..2.5: nominal × scale looks the same on every title. */
export function titleScale(curves: readonly RateQualityCurve[]): number {
  const logs = ANCHORS.map(({ screen, points, kbps }) => Math.log(kbpsFor(curves, screen, points) / kbps));
  const scale = Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  return Number(Math.min(SCALE_LIMITS.most, Math.max(SCALE_LIMITS.least, scale)).toFixed(3));
}

/** The least bitrate at which the hull shows so many points on a screen. */
function kbpsFor(curves: readonly RateQualityCurve[], screen: 'phone' | 'desktop', points: number): number {
  const shares = { phone: Number(screen === 'phone'), desktop: Number(screen === 'desktop') };
  let [low, high] = [Math.log(SEARCH_KBPS.least), Math.log(SEARCH_KBPS.most)];
  for (let step = 0; step < SEARCH_STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (hullAt(curves, { kbps: Math.exp(middle), shares })[screen] >= points) high = middle;
    else low = middle;
  }
  return Math.exp(high);
}
