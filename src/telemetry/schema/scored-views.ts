import { PLAUSIBILITY_SLACK_MS } from '../plausibility.ts';
import { type ViewScope, viewScopeSql } from './view-scope.ts';

/** Above this nobody sees a difference (LEARNING, default reward); seen quality is capped here. */
export const TRANSPARENT_QUALITY = 95;

/** Over `decisions`: which arms could have been given, and which of them are one treatment here: the same over all assets of one kind. */
export const ELIGIBLE_SET_SQL = 'lower(hex(cityHash64(eligible_arms, arrayEnumerateDense(eligible_sets))))';

/** What the first decision of a view says. */
const OF_FIRST_DECISION = [
  'session_id',
  'asset_id',
  'config_version',
  'allocation_version',
  'region',
  'device',
  'connection',
  'fallback_level',
  'arm',
  'propensity',
  'reason',
  'owner',
  'block',
  'lift_panel',
  'holdout',
  'throughput_kbps',
  'set_hash',
  'eligible_set',
] as const;

const HEIGHTS = 'mapFromArrays(rung_ids, rung_heights)';
const TREATMENTS = 'length(arrayDistinct(eligible_sets))';

/**
 * One row per decided view. Decisions are hardly ever logged twice, and aggregating a million rows of strings and maps takes
 * fifteen times as long as reading them: only what is there twice is aggregated.
 */
function decidedSql(inScope: string): string {
  const repeated = `(SELECT view_id FROM decisions WHERE ${inScope} GROUP BY view_id HAVING count() > 1)`;
  const columns = OF_FIRST_DECISION.filter((name) => name !== 'eligible_set').join(', ');
  return `
  SELECT view_id, decided_at, ${columns}, ${ELIGIBLE_SET_SQL} AS eligible_set, ${TREATMENTS} AS treatments,
    ${HEIGHTS} AS rendition_heights, rendition_kbps, rendition_quality
  FROM decisions WHERE ${inScope} AND view_id NOT IN ${repeated}
  UNION ALL
  SELECT view_id, decided_at, ${OF_FIRST_DECISION.map((name, index) => `first.${index + 1} AS ${name}`).join(', ')}, treatments,
    rendition_heights, rendition_kbps, rendition_quality
  FROM (
    SELECT view_id, min(each.decided_at) AS decided_at, argMin(tuple(${OF_FIRST_DECISION.join(', ')}), each.decided_at) AS first,
      max(treatments) AS treatments, maxMap(rendition_heights) AS rendition_heights,
      maxMap(each.rendition_kbps) AS rendition_kbps, maxMap(each.rendition_quality) AS rendition_quality
    FROM (
      SELECT *, ${ELIGIBLE_SET_SQL} AS eligible_set, ${TREATMENTS} AS treatments, ${HEIGHTS} AS rendition_heights
      FROM decisions WHERE ${inScope} AND view_id IN ${repeated}
    ) AS each
    GROUP BY view_id
  )`;
}

/** A player holds what takes about this share of its line. */
const HELD_SHARE = 0.75;
/** Where the asset's renditions say nothing of their quality. */
const UNKNOWN_PROSPECT = 70;
/** Quality on this device of the asset's renditions, whichever arm was drawn: known before the view. */
const QUALITIES = `arrayMap(quality -> least(quality, ${TRANSPARENT_QUALITY}), mapValues(decided.rendition_quality))`;
/** Of the renditions that the line was known to hold; of the least one where it holds none, of all where nothing is known of it. */
const HELD_QUALITIES = `arrayMap(id -> least(decided.rendition_quality[id], ${TRANSPARENT_QUALITY}), arrayFilter(
    id -> decided.rendition_kbps[id] <= ${HELD_SHARE} * decided.throughput_kbps, mapKeys(decided.rendition_quality)))`;
const PROSPECT = `if(empty(${QUALITIES}), ${UNKNOWN_PROSPECT}, (arrayAvg(${QUALITIES}) + multiIf(
    isNull(decided.throughput_kbps), arrayAvg(${QUALITIES}),
    empty(${HELD_QUALITIES}), arrayMin(${QUALITIES}), arrayMax(${HELD_QUALITIES}))) / 2)`;

/** The rungs of the view and their average bitrates, rising. */
const OFFERED = `arraySort(rung -> rung.2, arrayFilter(rung -> mapContains(decided.rendition_heights, rung.1),
    arrayZip(mapKeys(decided.rendition_kbps), mapValues(decided.rendition_kbps))))`;

/**
 * Reporters that name no rendition say the bitrate that the manifest states: a peak, often with audio. The rung meant is the
 * highest whose average that reaches; the nearest would be the one above.
 */
const BITRATES_AS_RENDITIONS =
  'arrayMap(kbps -> arrayLast(rung -> rung.2 <= kbps + 1, arrayPushFront(offered, (offered[1].1, 0))).1, mapKeys(heard.rung_kbps_ms))';
const SUMMED_RUNGS = `arrayReduce('sumMap', [arrayConcat(mapKeys(heard.rung_ms), ${BITRATES_AS_RENDITIONS})],
    [arrayConcat(mapValues(heard.rung_ms), mapValues(heard.rung_kbps_ms))])`;
const WITH_MATCHED_BITRATES = `mapFromArrays((${SUMMED_RUNGS} AS summed).1, arrayMap(ms -> toUInt32(ms), summed.2))`;

/**
 * One row per view, decided or heard of, whichever exists: the single definition behind QoE, learning and dashboards. With a
 * scope, the same rows of those views only, and only they are read.
 *
 * `class` is what is known so far: `started`, `failedToStart` (a fatal error and no sign of a start), `leftBeforeStart`
 * (heard of, but neither), `unobserved` (decided and never heard of). Components are unclipped. Durations in ms.
 * `implausible`: an untrusted reporter claims more time than had passed since the decision; without a decision nobody knows.
 */
export function scoredViewsSelect(scope?: ViewScope): string {
  const { ofDecisions, ofOutcomes, ofViews } = viewScopeSql(scope);
  return `
WITH decided AS (${decidedSql(ofDecisions)}
),
heard AS (SELECT * FROM view_outcomes FINAL WHERE ${ofOutcomes})
SELECT
  coalesce(nullIf(decided.view_id, ''), heard.view_id) AS view_id,
  decided.view_id != '' AS is_decided,
  heard.view_id != '' AS is_heard,
  if(is_decided, decided.session_id, heard.session_id) AS session_id,
  if(is_decided, decided.asset_id, heard.asset_id) AS asset_id,
  if(is_decided, decided.decided_at, heard.first_received_at) AS view_at,
  decided.config_version AS config_version,
  decided.allocation_version AS allocation_version,
  if(is_decided, decided.region, heard.region) AS region,
  if(is_decided, decided.device, heard.device) AS device,
  if(is_decided, decided.connection, heard.connection) AS connection,
  decided.fallback_level AS fallback_level,
  decided.arm AS arm,
  decided.propensity AS propensity,
  decided.reason AS reason,
  decided.owner AS owner,
  decided.block AS block,
  decided.lift_panel AS lift_panel,
  decided.holdout AS holdout,
  decided.throughput_kbps AS throughput_kbps,
  decided.set_hash AS set_hash,
  decided.eligible_set AS eligible_set,
  decided.treatments AS treatments,
  heard.last_received_at AS last_received_at,
  heard.ended AS ended,
  multiIf(heard.started, 'started', heard.fatal, 'failedToStart', is_heard, 'leftBeforeStart', 'unobserved') AS class,
  heard.startup_ms AS startup_ms,
  heard.played_ms AS played_ms,
  heard.stalled_ms AS stalled_ms,
  heard.seek_stalled_ms AS seek_stalled_ms,
  heard.stall_count AS stall_count,
  heard.switches AS switches,
  heard.dropped_frames AS dropped_frames,
  heard.bytes AS bytes,
  heard.fatal AS fatal,
  heard.viewport_height AS viewport_height,
  heard.fatal AND isNull(heard.startup_ms) AS failed,
  heard.trusted AS trusted,
  heard.measured_by AS measured_by,
  notEmpty(heard.estimated) AS is_estimated,
  is_decided AND is_heard AND NOT heard.trusted AND heard.played_ms + heard.stalled_ms > ${PLAUSIBILITY_SLACK_MS} +
    dateDiff('millisecond', least(decided.decided_at, heard.first_received_at), heard.last_received_at) AS implausible,
  ${OFFERED} AS offered,
  ${PROSPECT} AS prospect,
  if(empty(heard.rung_kbps_ms) OR empty(offered), heard.rung_ms, ${WITH_MATCHED_BITRATES}) AS rung_ms,
  arraySum((id, ms) -> if(mapContains(decided.rendition_quality, id), ms, 0), mapKeys(rung_ms), mapValues(rung_ms)) AS known_rung_ms,
  arraySum((id, ms) -> ms * least(decided.rendition_quality[id], ${TRANSPARENT_QUALITY}),
    mapKeys(rung_ms), mapValues(rung_ms)) AS quality_ms,
  arraySum((id, ms) -> ms * decided.rendition_kbps[id], mapKeys(rung_ms), mapValues(rung_ms)) / 1000 AS rung_kbit,
  if(empty(offered), arraySum((kbps, ms) -> kbps * ms, mapKeys(heard.rung_kbps_ms), mapValues(heard.rung_kbps_ms)) / 1000, 0) AS unnamed_kbit,
  multiIf(heard.bytes > 0, heard.bytes * 8 / 1000, rung_kbit + unnamed_kbit) AS delivered_kbit,
  arrayMap(id -> decided.rendition_heights[id], mapKeys(rung_ms)) AS rung_heights
FROM decided FULL OUTER JOIN heard ON decided.view_id = heard.view_id
WHERE ${ofViews}`;
}
