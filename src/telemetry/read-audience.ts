import { type Context, contextKey } from '../domain/index.ts';
import type { Database } from './database.ts';

/** Views counted for predicting an audience. */
const HORIZON_DAYS = 28;
/** An upload that has just arrived waits for this answer, and should be playable a second after its last byte. */
const TIMEOUT_MS = 700;

/** Lines are counted by bitrate, this many bins to a doubling: quantiles are good to a tenth. */
const LINE_BINS_PER_OCTAVE = 4;

/** Started views per context, the time they played, and the lines that they came over, as far as they told. */
export type ContextViews = Context & { views: number; playedSeconds: number; lines: [kbps: number, views: number][] };

/** Who watched, and over how many assets. */
export type AudienceViews = { contexts: ContextViews[]; assets: number };

/** Of every context, by line; bin 0 is unknown. */
type Row = Context & {
  bin: number;
  views: number;
  playedSeconds: number;
  ownerViews: number;
  ownerPlayedSeconds: number;
};

/** Contexts times lines: more are the rarest. */
const MAX_ROWS = 20_000;

/** Who watched this owner's videos, who watched in this region, and who watched anything, over the last four weeks. */
export async function readAudienceViews(
  database: Pick<Database, 'query'>,
  owner: string,
  region: string,
): Promise<{ owner: AudienceViews; region: AudienceViews; everyone: AudienceViews }> {
  const counted = database.query<Row>(
    `SELECT region, device, connection,
       toInt16(round(log2(greatest(ifNull(throughput_kbps, 1), 1)) * ${LINE_BINS_PER_OCTAVE})) AS bin,
       count() AS views, sum(played_ms) / 1000 AS playedSeconds,
       countIf(owner = {owner:String}) AS ownerViews, sumIf(played_ms, owner = {owner:String}) / 1000 AS ownerPlayedSeconds
     FROM scored_views
     WHERE class = 'started' AND view_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     GROUP BY region, device, connection, bin
     ORDER BY views DESC
     LIMIT ${MAX_ROWS}`,
    { owner },
    TIMEOUT_MS,
  );
  const [rows, assets] = await Promise.all([counted, countAssets(database, owner, region)]);
  const everyone = byContext(rows, ({ views, playedSeconds }) => ({ views, playedSeconds }));
  const ofOwner = byContext(rows, (row) => ({ views: row.ownerViews, playedSeconds: row.ownerPlayedSeconds }));
  return {
    owner: { contexts: ofOwner, assets: assets.ofOwner },
    region: { contexts: everyone.filter((context) => context.region === region), assets: assets.ofRegion },
    everyone: { contexts: everyone, assets: assets.ofAll },
  };
}

/** How many assets were watched. Without an answer in time, none: expectations are then nobody's own. */
async function countAssets(database: Pick<Database, 'query'>, owner: string, region: string) {
  const rows = await database
    .query<{ ofOwner: number; ofRegion: number; ofAll: number }>(
      `SELECT uniqIf(asset_id, owner = {owner:String}) AS ofOwner, uniqIf(asset_id, region = {region:String}) AS ofRegion,
         uniq(asset_id) AS ofAll
       FROM decisions WHERE decided_at > now() - INTERVAL ${HORIZON_DAYS} DAY`,
      { owner, region },
      TIMEOUT_MS,
    )
    .catch(() => []);
  return rows[0] ?? { ofOwner: 0, ofRegion: 0, ofAll: 0 };
}

function byContext(
  rows: readonly Row[],
  countsOf: (row: Row) => Pick<ContextViews, 'views' | 'playedSeconds'>,
): ContextViews[] {
  const contexts = new Map<string, ContextViews>();
  for (const row of rows) {
    const { views, playedSeconds } = countsOf(row);
    if (views === 0) continue;
    const { region, device, connection, bin } = row;
    const key = contextKey({ region, device, connection });
    const known = contexts.get(key) ?? { region, device, connection, views: 0, playedSeconds: 0, lines: [] };
    known.views += views;
    known.playedSeconds += playedSeconds;
    if (bin > 0) known.lines.push([2 ** (bin / LINE_BINS_PER_OCTAVE), views]);
    contexts.set(key, known);
  }
  return [...contexts.values()];
}
