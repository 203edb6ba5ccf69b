import { type RewardWeights, VIEW_COMPONENTS, type ViewComponent, type ViewStatistics } from '../domain/index.ts';

/** What one view is remembered by, already clipped. */
export type ViewComponents = Record<ViewComponent, number>;

/** Sums over views that are enough for a regression of the reward on the covariates: throughput (x) and prospect (p). */
export type RewardMoments = {
  n: number;
  sumR: number;
  sumRR: number;
  sumX: number;
  sumXX: number;
  sumXR: number;
  sumP: number;
  sumPP: number;
  sumXP: number;
  sumPR: number;
};

/** Of no view. */
export const NO_MOMENTS: RewardMoments = {
  n: 0,
  sumR: 0,
  sumRR: 0,
  sumX: 0,
  sumXX: 0,
  sumXR: 0,
  sumP: 0,
  sumPP: 0,
  sumXP: 0,
  sumPR: 0,
};

/** Of both's views. */
export const addedMoments = (left: RewardMoments, right: RewardMoments): RewardMoments => ({
  n: left.n + right.n,
  sumR: left.sumR + right.sumR,
  sumRR: left.sumRR + right.sumRR,
  sumX: left.sumX + right.sumX,
  sumXX: left.sumXX + right.sumXX,
  sumXR: left.sumXR + right.sumXR,
  sumP: left.sumP + right.sumP,
  sumPP: left.sumPP + right.sumPP,
  sumXP: left.sumXP + right.sumXP,
  sumPR: left.sumPR + right.sumPR,
});

const SIZE = VIEW_COMPONENTS.length;

/** Points per unit of each component: the reward is linear in them, so history can be re-scored. */
export function rewardVector(weights: RewardWeights): Record<ViewComponent, number> {
  return {
    one: 0,
    throughput: 0,
    quality: weights.quality,
    stall: -weights.stallRatio,
    startup: -weights.startupSecond,
    switches: -weights.switchPerMinute,
    mbps: -weights.deliveredMbps,
    failure: -weights.startFailure,
    prospect: 0,
  };
}

/** A view's reward in points. */
export function rewardOf(components: ViewComponents, weights: RewardWeights): number {
  const vector = rewardVector(weights);
  return VIEW_COMPONENTS.reduce((sum, name) => sum + vector[name] * components[name], 0);
}

/** Where Σ z_i z_j stands in the upper triangle that `moments` keeps row by row, by names. */
const MOMENT_INDEX = Object.fromEntries(
  VIEW_COMPONENTS.map((left, first) => [
    left,
    Object.fromEntries(
      VIEW_COMPONENTS.map((right, second) => {
        const [row, column] = [Math.min(first, second), Math.max(first, second)];
        return [right, row * SIZE - (row * (row - 1)) / 2 + (column - row)];
      }),
    ),
  ]),
) as Record<ViewComponent, Record<ViewComponent, number>>;

/** Where Σ z_i z_j stands in the upper triangle that `moments` keeps row by row. */
export const momentIndex = (left: ViewComponent, right: ViewComponent): number => MOMENT_INDEX[left][right];

/** Σ of one component, or of a product of two, over the views. */
export function momentOf(
  statistics: Pick<ViewStatistics, 'moments'>,
  left: ViewComponent,
  right: ViewComponent,
): number {
  return statistics.moments[momentIndex(left, right)] ?? 0;
}

/** Scores statistics with weights that may be younger than the views. */
export function rewardMoments(statistics: Pick<ViewStatistics, 'moments'>, weights: RewardWeights): RewardMoments {
  const vector = rewardVector(weights);
  const scored = VIEW_COMPONENTS.filter((name) => vector[name] !== 0);
  const project = (other: ViewComponent): number =>
    scored.reduce((sum, name) => sum + vector[name] * momentOf(statistics, name, other), 0);
  return {
    n: momentOf(statistics, 'one', 'one'),
    sumR: project('one'),
    sumRR: scored.reduce((sum, name) => sum + vector[name] * project(name), 0),
    sumX: momentOf(statistics, 'one', 'throughput'),
    sumXX: momentOf(statistics, 'throughput', 'throughput'),
    sumXR: project('throughput'),
    sumP: momentOf(statistics, 'one', 'prospect'),
    sumPP: momentOf(statistics, 'prospect', 'prospect'),
    sumXP: momentOf(statistics, 'throughput', 'prospect'),
    sumPR: project('prospect'),
  };
}
