import type { ViewStatistics } from '../../src/domain/index.ts';
import { PHONE, statisticsOf } from '../../test/policy/policy-fixtures.ts';

/** A view's reward apart from stalls and failures varies this much, as on real traces. */
const NOISE_POINTS = 15;
const MEAN_POINTS = 70;
/** A fifth of views stall, a tenth of their time on average: 2 % in all. */
const STALLING_VIEWS = 0.2;
const STALL_RATIO = 0.1;
const START_FAILURES = 0.02;
const VIEW_MS = 60_000;

/** How an arm differs from the baseline: points less, more views that stall, more that fail to start. */
export type Worse = { points?: number; stallingViews?: number; startFailures?: number };

type Chance = { normal: () => number; uniform: () => number };

/** Views of one arm: stalls are long-tailed, most views have none, and a few fail to start. */
export function viewsOfArm(arm: string, count: number, { normal, uniform }: Chance, worse: Worse = {}): ViewStatistics {
  const failing = START_FAILURES + (worse.startFailures ?? 0);
  const stalling = STALLING_VIEWS + (worse.stallingViews ?? 0);
  const started = Array.from({ length: count }, () => uniform()).filter((drawn) => drawn >= failing).length;
  const views = Array.from({ length: started }, () => ({
    quality: MEAN_POINTS - (worse.points ?? 0) + NOISE_POINTS * normal(),
    stall: uniform() < stalling ? Math.min(0.9, -Math.log(1 - uniform()) * STALL_RATIO) : 0,
  }));
  const stalledMs = views.reduce((sum, { stall }) => sum + stall * VIEW_MS, 0);
  const clipped = views.map(({ quality, stall }) => ({ quality, stall: Math.min(0.5, stall) }));
  return statisticsOf(
    {
      context: PHONE,
      arm,
      stalledMs,
      playedMs: started * VIEW_MS - stalledMs,
      decided: count,
      failedToStart: count - started,
    },
    clipped,
  );
}
