import { estimatedKbps } from './bandwidth-estimator.ts';
import type { Level, LevelMoment } from './level-choice.ts';

/** dash.js' `BolaRule`: below this buffer BOLA adds no delay of its own. */
const MINIMUM_BUFFER_SECONDS = 10;
const MINIMUM_BUFFER_PER_LEVEL_SECONDS = 2;

/** What the dynamic strategy needs: how much of the estimate may be used, and the buffer it aims at. */
export type BolaRules = { abrBandWidthFactor: number; maxBufferMs: number };

/** The highest level whose average a bandwidth carries, else the lowest. */
function levelForThroughput(levels: readonly Level[], kbps: number): number {
  return Math.max(
    0,
    levels.findLastIndex(({ averageKbps }) => averageKbps <= kbps),
  );
}

/** BOLA (Spiteri et al., INFOCOM 2016) as in dash.js: the level with the best (V·(utility + γp) − buffer) ÷ bitrate. */
export function levelForBuffer(levels: readonly Level[], bufferSeconds: number, targetSeconds: number): number {
  const lowest = Math.log(levels[0]?.averageKbps ?? 1);
  const utilities = levels.map(({ averageKbps }) => Math.log(averageKbps) - lowest + 1);
  const bufferTime = Math.max(targetSeconds, MINIMUM_BUFFER_SECONDS + MINIMUM_BUFFER_PER_LEVEL_SECONDS * levels.length);
  const gp = ((utilities.at(-1) ?? 1) - 1) / (bufferTime / MINIMUM_BUFFER_SECONDS - 1);
  if (gp === 0) return 0;
  const vp = MINIMUM_BUFFER_SECONDS / gp;
  let [best, bestScore] = [0, Number.NEGATIVE_INFINITY];
  for (const [index, { averageKbps }] of levels.entries()) {
    const score = (vp * ((utilities[index] ?? 0) - 1 + gp) - bufferSeconds) / averageKbps;
    if (score >= bestScore) [best, bestScore] = [index, score];
  }
  return best;
}

/**
 * dash.js' dynamic strategy: throughput until the buffer has reached its target, BOLA from then on, back below half of it. BOLA
 * may go up no further than throughput allows (its “O” variant). One per view.
 */
export function createBolaChoice(rules: BolaRules): (levels: readonly Level[], moment: LevelMoment) => number {
  let byBuffer = false;
  return (levels, moment) => {
    // Asked only when there is room for a segment: the buffer has been at its target when it is within one of it.
    if (moment.bufferMs + moment.segmentMs >= rules.maxBufferMs) byBuffer = true;
    if (moment.bufferMs < rules.maxBufferMs / 2) byBuffer = false;
    const byThroughput = levelForThroughput(levels, estimatedKbps(moment.estimator) * rules.abrBandWidthFactor);
    if (!byBuffer || moment.lastLevel === null) return byThroughput;
    const level = levelForBuffer(levels, moment.bufferMs / 1000, rules.maxBufferMs / 1000);
    return level > moment.lastLevel ? Math.min(level, Math.max(byThroughput, moment.lastLevel)) : level;
  };
}
