import { COVARIATE_KBPS, type RewardWeights, type ViewComponent } from '../domain/index.ts';

/** SQL over `scored_views` that is true for views with enough evidence to be scored: they showed media on known renditions. */
export const SCORABLE_SQL = `class = 'started' AND played_ms > 0 AND known_rung_ms > 0`;

/** What a component is clipped at: a terrible view counts for no more than a very bad one. */
export type RewardClips = Pick<RewardWeights, 'stallRatioClip' | 'startupClipSeconds' | 'switchesPerMinuteClip'>;

/** Components that the reward is linear in, and the constant. */
export const REWARD_COMPONENTS = ['one', 'quality', 'stall', 'startup', 'switches', 'mbps', 'failure'] as const;
type RewardComponent = (typeof REWARD_COMPONENTS)[number];

/** Each component of a scored view as SQL over `scored_views`, clipped as the config says. */
export function componentSql(clips: RewardClips): Record<ViewComponent, string> {
  return {
    one: '1',
    throughput: `ifNull(log(greatest(${COVARIATE_KBPS.least}, least(${COVARIATE_KBPS.most}, throughput_kbps)) / 1000), 0)`,
    quality: 'quality_ms / known_rung_ms',
    stall: `least(stalled_ms / (played_ms + stalled_ms), ${clips.stallRatioClip})`,
    startup: `least(ifNull(startup_ms, 0) / 1000, ${clips.startupClipSeconds})`,
    switches: `least(switches / (played_ms / 60000), ${clips.switchesPerMinuteClip})`,
    mbps: 'delivered_kbit / played_ms',
    failure: 'toFloat64(failed AND played_ms = 0)',
    prospect: 'prospect',
  };
}

/** A scored view's reward in points as SQL over `scored_views`. */
export function rewardSql(weights: RewardWeights): string {
  const component = componentSql(weights);
  const points = pointsOf(weights);
  const terms = REWARD_COMPONENTS.filter((name) => name !== 'one');
  return `(${terms.map((name) => `${points[name]} * (${component[name]})`).join(' + ')})`;
}

/**
 * Moments [n, Σx, Σy, Σx², Σy², Σxy] of the reward x per view (y = 1), from the upper triangle, row by row, of Σ zzᵀ over
 * REWARD_COMPONENTS: weights may be younger than the views.
 */
export function rewardMoments(triangle: readonly number[], weights: RewardWeights): number[] {
  const points = pointsOf(weights);
  const n = triangle[0] ?? 0;
  let [sum, squares, index] = [0, 0, 0];
  for (const [row, left] of REWARD_COMPONENTS.entries()) {
    for (const right of REWARD_COMPONENTS.slice(row)) {
      const moment = triangle[index++] ?? 0;
      if (left === 'one') sum += points[right] * moment;
      squares += (left === right ? 1 : 2) * points[left] * points[right] * moment;
    }
  }
  return [n, sum, n, squares, n, sum];
}

/** Points per unit of each component. */
function pointsOf(weights: RewardWeights): Record<RewardComponent, number> {
  return {
    one: 0,
    quality: weights.quality,
    stall: -weights.stallRatio,
    startup: -weights.startupSecond,
    switches: -weights.switchPerMinute,
    mbps: -weights.deliveredMbps,
    failure: -weights.startFailure,
  };
}
