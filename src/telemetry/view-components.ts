import type { RewardWeights, ViewComponent } from '../domain/index.ts';

/** SQL over `scored_views` that is true for views with enough evidence to be scored: they showed media on known renditions. */
export const SCORABLE_SQL = `class = 'started' AND played_ms > 0 AND known_rung_ms > 0`;

/** What a component is clipped at: a terrible view counts for no more than a very bad one. */
export type RewardClips = Pick<RewardWeights, 'stallRatioClip' | 'startupClipSeconds' | 'switchesPerMinuteClip'>;

/** Each component of a scored view as SQL over `scored_views`, clipped as the config says. */
export function componentSql(clips: RewardClips): Record<ViewComponent, string> {
  return {
    one: '1',
    throughput: `ifNull(log(throughput_kbps / 1000), 0)`,
    quality: 'quality_ms / known_rung_ms',
    stall: `least(stalled_ms / (played_ms + stalled_ms), ${clips.stallRatioClip})`,
    startup: `least(ifNull(startup_ms, 0) / 1000, ${clips.startupClipSeconds})`,
    switches: `least(switches / (played_ms / 60000), ${clips.switchesPerMinuteClip})`,
    mbps: 'delivered_kbit / played_ms',
    failure: 'toFloat64(failed AND played_ms = 0)',
  };
}

/** A scored view's reward in points as SQL over `scored_views`. */
export function rewardSql(weights: RewardWeights): string {
  const component = componentSql(weights);
  return (
    `(${weights.quality} * (${component.quality}) - ${weights.stallRatio} * (${component.stall})` +
    ` - ${weights.startupSecond} * (${component.startup}) - ${weights.switchPerMinute} * (${component.switches})` +
    ` - ${weights.deliveredMbps} * (${component.mbps}) - ${weights.startFailure} * (${component.failure}))`
  );
}
