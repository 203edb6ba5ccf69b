import {
  CLIPPED_COMPONENTS,
  type Context,
  contextKey,
  type OutcomeChecks,
  type RewardWeights,
  type ViewStatistics,
} from '../domain/index.ts';
import { rewardMoments } from './reward.ts';
import { medianOf } from './robust-mean.ts';

/** How far what is known of an arm in a context can be trusted. */
export type ArmEvidence = {
  /** Share of its scored views at the clip of each component; null without views. */
  clippedShare: ViewStatistics['clipped'] | null;
  /** Share of its decided views that were set aside because their address blocks had too many. */
  cappedShare: number;
  /** Mean reward as it is, and the median over buckets of address blocks: far apart, few blocks make the mean. Null without views. */
  buckets: { count: number; mean: number; median: number } | null;
  /** Views without an outcome beside the baseline's, over all contexts. */
  missing: OutcomeChecks['missing'];
  /** Views given to it beside what its propensities add up to, over all contexts; null where that was not looked at. */
  sampleRatio: OutcomeChecks['sampleRatio'][number] | null;
};

/** The evidence of one arm in these contexts; views count alike, whatever their age. */
export function armEvidence(
  arm: string,
  input: {
    statistics: readonly ViewStatistics[];
    contexts: readonly Context[];
    reward: RewardWeights;
    checks: OutcomeChecks | undefined;
  },
): ArmEvidence {
  const { statistics, contexts, reward, checks } = input;
  const cells = new Set(contexts.map(contextKey));
  const rows = statistics.filter((row) => row.arm === arm && cells.has(contextKey(row.context)));
  const total = (figure: (row: ViewStatistics) => number): number => rows.reduce((sum, row) => sum + figure(row), 0);
  const views = total(({ moments }) => moments[0] ?? 0);
  const [capped, decided] = [total((row) => row.capped), total((row) => row.decided)];
  return {
    clippedShare:
      views > 0
        ? (Object.fromEntries(
            CLIPPED_COMPONENTS.map((name) => [name, total(({ clipped }) => clipped[name]) / views]),
          ) as ViewStatistics['clipped'])
        : null,
    cappedShare: capped + decided > 0 ? capped / (capped + decided) : 0,
    buckets: bucketsOf(rows, reward),
    missing: checks?.missing.filter((check) => check.arm === arm) ?? [],
    sampleRatio: checks?.sampleRatio.find((check) => check.arm === arm) ?? null,
  };
}

function bucketsOf(rows: readonly ViewStatistics[], reward: RewardWeights): ArmEvidence['buckets'] {
  const buckets = new Map<number, { views: number; sum: number }>();
  for (const row of rows) {
    const { n, sumR } = rewardMoments(row, reward);
    const { views, sum } = buckets.get(row.bucket) ?? { views: 0, sum: 0 };
    buckets.set(row.bucket, { views: views + n, sum: sum + sumR });
  }
  const groups = [...buckets.values()]
    .filter(({ views }) => views > 0)
    .map(({ views, sum }) => ({ views, mean: sum / views }));
  if (groups.length === 0) return null;
  const views = groups.reduce((sum, group) => sum + group.views, 0);
  const mean = groups.reduce((sum, group) => sum + group.views * group.mean, 0) / views;
  return { count: groups.length, mean, median: medianOf(groups) };
}
