/** Above this nobody sees a difference (LEARNING, default reward); seen quality is capped here. */
export const TRANSPARENT_QUALITY = 95;

/**
 * One row per view, decided or heard of, whichever exists: the single definition behind QoE, learning and dashboards.
 *
 * `class` is what is known so far: `started`, `failedToStart` (a fatal error and no sign of a start), `leftBeforeStart`
 * (heard of, but neither), `unobserved` (decided and never heard of). Components are unclipped. Durations in ms.
 */
export const SCORED_VIEWS_SELECT = `
WITH decided AS (
  SELECT
    view_id,
    argMin(tuple(session_id, asset_id, config_version, allocation_version, region, device, connection, fallback_level, arm,
      propensity, reason, owner, lift_panel, holdout, throughput_kbps, set_hash), decisions.decided_at) AS first,
    min(decisions.decided_at) AS decided_at,
    max(length(arrayDistinct(eligible_sets))) AS treatments,
    maxMap(mapFromArrays(rung_ids, rung_heights)) AS rendition_heights,
    maxMap(rendition_kbps) AS rendition_kbps,
    maxMap(rendition_quality) AS rendition_quality
  FROM decisions GROUP BY view_id
),
heard AS (SELECT * FROM view_outcomes FINAL)
SELECT
  coalesce(nullIf(decided.view_id, ''), heard.view_id) AS view_id,
  decided.view_id != '' AS is_decided,
  heard.view_id != '' AS is_heard,
  if(is_decided, decided.first.1, heard.session_id) AS session_id,
  if(is_decided, decided.first.2, heard.asset_id) AS asset_id,
  if(is_decided, decided.decided_at, heard.first_received_at) AS view_at,
  decided.first.3 AS config_version,
  decided.first.4 AS allocation_version,
  if(is_decided, decided.first.5, heard.region) AS region,
  if(is_decided, decided.first.6, heard.device) AS device,
  if(is_decided, decided.first.7, heard.connection) AS connection,
  decided.first.8 AS fallback_level,
  decided.first.9 AS arm,
  decided.first.10 AS propensity,
  decided.first.11 AS reason,
  decided.first.12 AS owner,
  decided.first.13 AS lift_panel,
  decided.first.14 AS holdout,
  decided.first.15 AS throughput_kbps,
  decided.first.16 AS set_hash,
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
  arraySum((id, ms) -> if(mapContains(decided.rendition_quality, id), ms, 0),
    mapKeys(heard.rung_ms), mapValues(heard.rung_ms)) AS known_rung_ms,
  arraySum((id, ms) -> ms * least(decided.rendition_quality[id], ${TRANSPARENT_QUALITY}),
    mapKeys(heard.rung_ms), mapValues(heard.rung_ms)) AS quality_ms,
  arraySum((id, ms) -> ms * decided.rendition_kbps[id], mapKeys(heard.rung_ms), mapValues(heard.rung_ms)) / 1000 AS rung_kbit,
  multiIf(heard.bytes > 0, heard.bytes * 8 / 1000, rung_kbit) AS delivered_kbit,
  heard.rung_ms AS rung_ms,
  arrayMap(id -> decided.rendition_heights[id], mapKeys(heard.rung_ms)) AS rung_heights
FROM decided FULL OUTER JOIN heard ON decided.view_id = heard.view_id`;

export const SCORED_VIEWS_DDL = `CREATE OR REPLACE VIEW scored_views AS ${SCORED_VIEWS_SELECT}`;
