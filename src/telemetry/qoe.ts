import type { RewardWeights } from '../domain/index.ts';
import type { Database } from './database.ts';
import { VIEW_CLASSES } from './qoe-aggregates.ts';
import { type Metric, ratioOfSums } from './qoe-intervals.ts';
import { QOE_METRICS } from './qoe-metrics.ts';
import { chooseSource, type QoeScope, viewsOnly } from './qoe-source.ts';
import { KEYS_OF_VIEWS_ONLY, QOE_KEYS, type QoeKey, qoeSql } from './qoe-sql.ts';
import { startupQuantiles, startupQuantilesSql } from './startup-quantiles.ts';
import { rewardMoments } from './view-components.ts';

export { QOE_KEYS, type QoeKey };

/** Playing time, and its share of all of the group's. */
export type PlayingTime = { ms: number; share: number };

/** One group of `/v1/qoe`: its keys, how many views there were, how they fared, and the metrics with 95 % intervals. */
export type QoeGroup = Partial<Record<QoeKey, string>> & { views: number } & Record<
    (typeof VIEW_CLASSES)[number],
    number
  > & {
    metrics: Record<string, Metric>;
    /** Per rendition id, the longest played first, RUNGS_SHOWN at most; ids mean something within an asset only. */
    rungMs: Record<string, PlayingTime>;
    /** Per height of rendition, `unknown` where no decision told it. */
    heightMs: Record<string, PlayingTime>;
  };

export type QoeQuery = QoeScope & { groupBy: readonly QoeKey[] };

/** Groups in one answer: more is a question for a shorter window or for fewer keys. */
export const MAX_GROUPS = 10_000;
/** A week of a million views takes a few seconds where nothing is rolled up yet. */
const TIMEOUT_MS = 30_000;
/** As many renditions as one report may name. */
const RUNGS_SHOWN = 64;

/** Views fell into more than MAX_GROUPS groups. */
export class TooManyGroupsError extends Error {
  override readonly name = 'TooManyGroupsError';
  readonly code = 'TOO_MANY_GROUPS';
}

type Row = Record<string, unknown>;
type Times = readonly (readonly [key: string, ms: number])[];

/** Quality of experience over views that began in [from, to), from roll-ups where they hold. Throws DatabaseError, TooManyGroupsError. */
export async function readQoe(
  database: Pick<Database, 'query'>,
  query: QoeQuery,
  reward: RewardWeights,
): Promise<QoeGroup[]> {
  const { groupBy, assetId } = query;
  const source = groupBy.some((key) => KEYS_OF_VIEWS_ONLY.includes(key))
    ? viewsOnly(query)
    : await chooseSource(database, query, reward);
  const sql = qoeSql(source, { groupBy, ofAsset: assetId !== undefined, clips: reward });
  const orderBy = groupBy.length === 0 ? '' : `ORDER BY ${groupBy.map((key) => `key_${key}`).join(', ')}`;
  const rows = await database.query<Row>(
    `SELECT * EXCEPT (startup_bins, played_rung_ms, played_height_ms),
       ${startupQuantilesSql('startup_bins')} AS startup,
       ${timesSql('played_rung_ms', RUNGS_SHOWN)} AS rungs,
       arraySum(mapValues(played_rung_ms)) AS rungs_total,
       ${timesSql('played_height_ms')} AS heights
     FROM (${sql}) ${orderBy} LIMIT ${MAX_GROUPS + 1}
     SETTINGS compile_expressions = 0, compile_aggregate_expressions = 0`,
    assetId === undefined ? {} : { assetId },
    TIMEOUT_MS,
  );
  if (rows.length > MAX_GROUPS) throw new TooManyGroupsError(`the views fall into more than ${MAX_GROUPS} groups`);
  return rows.map((row) => toGroup(row, groupBy, reward));
}

/** SQL: a map of times as an array of pairs, the longest first. */
function timesSql(map: string, limit?: number): string {
  const pairs = `arrayReverseSort(pair -> pair.2, arrayZip(arrayMap(key -> toString(key), mapKeys(${map})), mapValues(${map})))`;
  return limit === undefined ? pairs : `arraySlice(${pairs}, 1, ${limit})`;
}

function toGroup(row: Row, groupBy: readonly QoeKey[], reward: RewardWeights): QoeGroup {
  const count = (name: string) => Number(row[name]);
  const heights = row.heights as Times;
  const startupMsMean = ratioOfSums('mean', row.m_startupMsMean as number[]);
  return {
    ...Object.fromEntries(groupBy.map((key) => [key, String(row[`key_${key}`])])),
    views: count('views'),
    ...(Object.fromEntries(VIEW_CLASSES.map((name) => [name, count(`n_${name}`)])) as Record<
      (typeof VIEW_CLASSES)[number],
      number
    >),
    metrics: {
      ...Object.fromEntries(
        QOE_METRICS.map(({ name, kind }) => [name, ratioOfSums(kind, row[`m_${name}`] as number[])]),
      ),
      reward: ratioOfSums('mean', rewardMoments(row.reward_moments as number[], reward)),
      ...startupQuantiles(row.startup as Parameters<typeof startupQuantiles>[0], startupMsMean.n),
    },
    rungMs: playingTimes(row.rungs as Times, count('rungs_total')),
    heightMs: playingTimes(
      heights.map(([height, ms]) => [height === '0' ? 'unknown' : height, ms]),
      heights.reduce((sum, [, ms]) => sum + ms, 0),
    ),
  };
}

function playingTimes(times: Times, totalMs: number): Record<string, PlayingTime> {
  return Object.fromEntries(times.map(([key, ms]) => [key, { ms, share: totalMs > 0 ? ms / totalMs : 0 }]));
}
