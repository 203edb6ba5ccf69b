import { meanRewards, oracleArms } from './replay.ts';
import { cellOf, type RewardTable } from './reward-table.ts';

/** Standard errors at which a gain is called seen: 5 % one-sided, at 80 % power. */
const STANDARD_ERRORS = 1.645 + 0.84;

/** What there is to win in a context, and the views (half to each of two arms) after which it could be seen. */
export type ContextGain = { context: number; name: string; best: string | number; gain: number; viewsNeeded: number };

/** Every context with its best arm's gain over the baseline, and the views needed to see it in noise that the covariate leaves. */
export function undecidedContexts(table: RewardTable, armIds?: readonly string[]): ContextGain[] {
  const best = oracleArms(table);
  return table.contexts.map((where, context) => {
    const arm = best[context] ?? 0;
    const means = meanRewards(table, context);
    const gain = (means[arm] ?? 0) - (means[0] ?? 0);
    const variance = (residualVariance(table, context, arm) + residualVariance(table, context, 0)) / 2;
    return {
      context,
      name: `${where.region} ${where.device}`,
      best: armIds?.[arm] ?? arm,
      gain,
      viewsNeeded: gain > 0 ? (4 * variance * STANDARD_ERRORS ** 2) / gain ** 2 : 0,
    };
  });
}

/** Variance of an arm's reward over a context's sessions, what throughput explains removed. */
function residualVariance(table: RewardTable, context: number, arm: number): number {
  const sessions = table.byFamily[context >> 1] ?? [];
  const points = sessions.map((session) => ({
    x: table.sessions[session]?.throughput ?? 0,
    r: table.rewards[cellOf(table, session, context & 1, arm)] ?? 0,
  }));
  const n = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / n;
  const meanR = points.reduce((sum, { r }) => sum + r, 0) / n;
  let [xx, xr, rr] = [0, 0, 0];
  for (const { x, r } of points) {
    xx += (x - meanX) ** 2;
    xr += (x - meanX) * (r - meanR);
    rr += (r - meanR) ** 2;
  }
  return Math.max(0, rr - (xx > 0 ? xr ** 2 / xx : 0)) / n;
}
