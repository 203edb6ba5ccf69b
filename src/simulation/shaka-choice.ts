import { estimatedKbps, hasMeasured } from './bandwidth-estimator.ts';
import type { Level, LevelMoment } from './level-choice.ts';

/** Shaka Player's `abr.switchInterval`: no second thoughts sooner than this. */
const SWITCH_INTERVAL_MS = 8000;

/** Factors of the estimate that a level may take to stay or go down, and to go up. */
export type ShakaRules = { abrBandWidthFactor: number; abrBandWidthUpFactor: number };

/** The level a bandwidth suits: the highest whose range [own ÷ down factor, next ÷ up factor] holds it, else the lowest. */
export function levelForBandwidth(levels: readonly Level[], kbps: number, rules: ShakaRules): number {
  let chosen = 0;
  for (const [index, { peakKbps }] of levels.entries()) {
    const next = levels[index + 1]?.peakKbps ?? Number.POSITIVE_INFINITY;
    if (kbps >= peakKbps / rules.abrBandWidthFactor && kbps <= next / rules.abrBandWidthUpFactor) chosen = index;
  }
  return chosen;
}

/** Shaka Player's simple ABR manager: by bandwidth alone, first when enough is measured, then at most every 8 s. One per view. */
export function createShakaChoice(rules: ShakaRules): (levels: readonly Level[], moment: LevelMoment) => number {
  let chosenAtMs: number | null = null;
  return (levels, moment) => {
    const keeps = moment.lastLevel;
    if (keeps === null) return levelForBandwidth(levels, estimatedKbps(moment.estimator), rules);
    if (!hasMeasured(moment.estimator)) return keeps;
    if (chosenAtMs !== null && moment.nowMs - chosenAtMs < SWITCH_INTERVAL_MS) return keeps;
    chosenAtMs = moment.nowMs;
    return levelForBandwidth(levels, estimatedKbps(moment.estimator), rules);
  };
}
