import { meanRewards } from './replay.ts';
import { cellOf, KEPT, type RewardTable } from './reward-table.ts';

/** Unclipped stall ratio of an arm over a context's sessions: what the guardrail looks at. */
export function stallRatio(table: RewardTable, context: number, arm: number): number {
  let [stalledMs, playedMs] = [0, 0];
  for (const session of table.byFamily[context >> 1] ?? []) {
    const from = cellOf(table, session, context & 1, arm) * KEPT.length;
    stalledMs += table.values[from + KEPT.indexOf('stalledMs')] ?? 0;
    playedMs += table.values[from + KEPT.indexOf('playedMs')] ?? 0;
  }
  return stalledMs + playedMs > 0 ? stalledMs / (stalledMs + playedMs) : 0;
}

/** What the guardrail costs, where, and which arms it forbids there. */
type GuardrailCost = { points: number; contexts: string[]; isForbidden: (context: number, arm: number) => boolean };

/**
 * Regret per view of the best policy that never stalls more than the guardrail allows: where the clipped reward likes an arm that
 * stalls, keeping viewers safe costs this much of it, however much is known.
 */
export function guardrailCost(table: RewardTable, stallRatioExcess: number): GuardrailCost {
  const contexts: string[] = [];
  const forbidden = new Set<string>();
  let points = 0;
  for (const [context, where] of table.contexts.entries()) {
    const means = meanRewards(table, context);
    const limit = stallRatio(table, context, 0) + stallRatioExcess;
    const isAllowed = means.map((_, arm) => stallRatio(table, context, arm) <= limit);
    for (const [arm, allowed] of isAllowed.entries()) if (!allowed) forbidden.add(`${context} ${arm}`);
    const allowed = means.filter((_, arm) => isAllowed[arm]);
    const cost = Math.max(...means) - Math.max(...allowed);
    points += cost / table.contexts.length;
    if (cost > 0) contexts.push(`${where.region} ${where.device}`);
  }
  return { points, contexts, isForbidden: (context, arm) => forbidden.has(`${context} ${arm}`) };
}
