import { createHash } from 'node:crypto';
import { QOE_METRICS, type QoeMetric } from './qoe-metrics.ts';
import { startupBinSql } from './startup-quantiles.ts';
import { componentSql, REWARD_COMPONENTS, type RewardClips, SCORABLE_SQL } from './view-components.ts';

/**
 * One additive figure of a group of views: `fromViews` makes it from rows of `scored_views`, `merged` from rows that
 * already hold it. Merging is associative: an hour, a roll-up of hours and a query over views give the same.
 */
export type QoeAggregate = { column: string; type: string; fromViews: string; merged: string };

/** What views are kept apart by in a roll-up, beside the hour of `view_at`: columns of `scored_views`. */
export const ROLLUP_KEYS = ['region', 'device', 'connection', 'arm', 'asset_id'] as const;

/** A roll-up has rows by all keys, and rows over all assets, which carry an empty `asset_id`: they are few, and most questions need no more. */
export const ROLLUP_SETS: readonly (readonly string[])[] = [
  ROLLUP_KEYS,
  ROLLUP_KEYS.filter((key) => key !== 'asset_id'),
];

export const VIEW_CLASSES = ['started', 'failedToStart', 'leftBeforeStart', 'unobserved'] as const;

/** Everything `/v1/qoe` is computed from. The reward's clips are part of it: other clips, other figures. */
export function qoeAggregates(clips: RewardClips): readonly QoeAggregate[] {
  return [
    count('views', 'count()'),
    ...VIEW_CLASSES.map((name) => count(`n_${name}`, `countIf(class = '${name}')`)),
    ...QOE_METRICS.map((metric) => vector(`m_${metric.name}`, momentsSql(metric))),
    vector('reward_moments', rewardMomentsSql(clips)),
    histogram(
      'startup_bins',
      'UInt32',
      `map(${startupBinSql('assumeNotNull(startup_ms)')}, toUInt64(1))`,
      STARTUP_KNOWN,
    ),
    histogram('played_rung_ms', 'String', 'mapApply((id, ms) -> (id, toUInt64(ms)), rung_ms)', STARTED),
    {
      ...histogram('played_height_ms', 'UInt16', '', ''),
      fromViews: `CAST(sumMappedArraysIf(rung_heights, arrayMap(ms -> toUInt64(ms), mapValues(rung_ms)), ${STARTED}), 'Map(UInt16, UInt64)')`,
    },
  ];
}

/** Names what the aggregates mean: rows made under another fingerprint are stale. */
export function qoeFingerprint(clips: RewardClips): string {
  return createHash('sha256')
    .update(JSON.stringify([ROLLUP_SETS, qoeAggregates(clips)]))
    .digest('hex')
    .slice(0, 16);
}

const STARTED = "class = 'started'";
const STARTUP_KNOWN = `${STARTED} AND isNotNull(startup_ms)`;

const count = (column: string, fromViews: string): QoeAggregate => ({
  column,
  type: 'UInt64',
  fromViews,
  merged: `sum(${column})`,
});

const vector = (column: string, fromViews: string): QoeAggregate => ({
  column,
  type: 'Array(Float64)',
  fromViews,
  merged: `sumForEach(${column})`,
});

const histogram = (column: string, key: string, ofView: string, where: string): QoeAggregate => ({
  column,
  type: `Map(${key}, UInt64)`,
  fromViews: `sumMapIf(${ofView}, ${where})`,
  merged: `sumMap(${column})`,
});

/**
 * [n, Σx, Σy, Σx², Σy², Σxy], or nothing where no view counts. As floats before they are multiplied, since squares of bytes
 * overflow; as one sum of arrays under aliases, since planning six sums a metric takes longer than many an answer.
 */
function momentsSql({ name, numerator, denominator, of }: QoeMetric): string {
  const [x, y] = [`x_${name}`, `y_${name}`];
  const terms = ['1', `toFloat64(${numerator}) AS ${x}`, `toFloat64(${denominator}) AS ${y}`];
  return `sumForEachIf([${[...terms, `${x} * ${x}`, `${y} * ${y}`, `${x} * ${y}`].join(', ')}], ${of})`;
}

/** Upper triangle, row by row, of Σ zzᵀ over scorable views; its first row, times 1, names the components. */
function rewardMomentsSql(clips: RewardClips): string {
  const component = componentSql(clips);
  const products = REWARD_COMPONENTS.flatMap((left, row) =>
    REWARD_COMPONENTS.slice(row).map((right) =>
      row === 0 ? `toFloat64(${component[right]}) AS z_${right}` : `z_${left} * z_${right}`,
    ),
  );
  return `sumForEachIf([${products.join(', ')}], ${SCORABLE_SQL})`;
}
