import { type Context, contextKey, type RewardWeights, type ViewStatistics } from '../domain/index.ts';
import { rewardMoments } from './reward.ts';

/** A cell whose views since some day are not like those before. */
export type CellChange = {
  context: Context;
  /** Views older than this many days are from before. */
  ageDays: number;
  /** What moved: the lines people come with, or what they get out of the same arm. */
  moved: 'throughput' | 'reward';
  /** By how many standard errors. */
  standardErrors: number;
};

/** Many days of many cells are looked at in every refit: chance must not reach this in years. */
const SURE_STANDARD_ERRORS = 6;
/** A move of less than half a standard deviation is weather, whatever its certainty. */
const LEAST_MOVE_SDS = 0.5;
const LEAST_VIEWS = 30;

type Sums = { n: number; sum: number; squares: number };
type DayOfArm = { ageDays: number; throughput: Sums; reward: Sums };
const nothing = (): Sums => ({ n: 0, sum: 0, squares: 0 });
const plus = (left: Sums, right: Sums): Sums => ({
  n: left.n + right.n,
  sum: left.sum + right.sum,
  squares: left.squares + right.squares,
});

/** Difference of means after and before, each arm with itself, in standard errors and in standard deviations of one view. */
function compare(pairs: readonly { after: Sums; before: Sums }[]): { errors: number; sds: number; views: number } {
  let [weighted, weights, views, spread] = [0, 0, 0, 0];
  for (const { after, before } of pairs) {
    if (after.n < 2 || before.n < 2) continue;
    const n = after.n + before.n;
    const within = ({ n: count, sum, squares }: Sums): number => Math.max(0, squares - (sum * sum) / count);
    const variance = (within(after) + within(before)) / (n - 2 || 1);
    if (!(variance > 0)) continue;
    const weight = 1 / (variance * (1 / after.n + 1 / before.n));
    weighted += weight * (after.sum / after.n - before.sum / before.n);
    weights += weight;
    views += Math.min(after.n, before.n);
    spread += n * variance;
  }
  if (weights === 0) return { errors: 0, sds: 0, views: 0 };
  const all = pairs.reduce((sum, { after, before }) => sum + after.n + before.n, 0);
  return {
    errors: Math.abs(weighted) / Math.sqrt(weights),
    sds: Math.abs(weighted / weights) / Math.sqrt(spread / all),
    views,
  };
}

function changeOf(context: Context, arms: readonly (readonly DayOfArm[])[]): CellChange | null {
  const ages = [...new Set(arms.flat().map(({ ageDays }) => ageDays))].sort((a, b) => a - b);
  let found: CellChange | null = null;
  for (const ageDays of ages.slice(0, -1)) {
    for (const moved of ['throughput', 'reward'] as const) {
      const pairs = arms.map((days) => {
        let [after, before] = [nothing(), nothing()];
        for (const day of days) {
          if (day.ageDays <= ageDays) after = plus(after, day[moved]);
          else before = plus(before, day[moved]);
        }
        return { after, before };
      });
      const { errors, sds, views } = compare(pairs);
      if (errors < SURE_STANDARD_ERRORS || sds < LEAST_MOVE_SDS || views < LEAST_VIEWS) continue;
      if (!found || errors > found.standardErrors) found = { context, ageDays, moved, standardErrors: errors };
    }
  }
  return found;
}

/**
 * Cells that changed, at the day that divides them most clearly. Arms are compared with themselves, so that a new allocation is not
 * taken for a new network. Found again from the statistics at every refit: there is no state to lose.
 */
export function detectChanges(statistics: readonly ViewStatistics[], weights: RewardWeights): CellChange[] {
  const cells = new Map<string, { context: Context; arms: Map<string, DayOfArm[]> }>();
  for (const row of statistics) {
    const key = contextKey(row.context);
    const cell = cells.get(key) ?? { context: row.context, arms: new Map<string, DayOfArm[]>() };
    cells.set(key, cell);
    const days = cell.arms.get(row.arm) ?? [];
    cell.arms.set(row.arm, days);
    const { n, sumR, sumRR, sumX, sumXX } = rewardMoments(row, weights);
    days.push({
      ageDays: row.ageDays,
      throughput: { n, sum: sumX, squares: sumXX },
      reward: { n, sum: sumR, squares: sumRR },
    });
  }
  return [...cells.keys()].sort().flatMap((key) => {
    const cell = cells.get(key);
    const change = cell ? changeOf(cell.context, [...cell.arms.values()]) : null;
    return change ? [change] : [];
  });
}
