import type { Context } from '../domain/index.ts';
import type { Database } from './database.ts';

/** Views counted for predicting an audience. */
const HORIZON_DAYS = 28;
/** An upload that has just arrived waits for this answer, and should be playable a second after its last byte. */
const TIMEOUT_MS = 700;

/** Started views per context. */
export type ContextViews = Context & { views: number };

/** Who watched this owner's videos, who watched in this region, and who watched anything, over the last four weeks. */
export async function readAudienceViews(
  database: Pick<Database, 'query'>,
  owner: string,
  region: string,
): Promise<{ owner: ContextViews[]; region: ContextViews[]; everyone: ContextViews[] }> {
  const rows = await database.query<Context & { ofOwner: number; ofAll: number }>(
    `SELECT region, device, connection, countIf(owner = {owner:String}) AS ofOwner, count() AS ofAll
     FROM scored_views
     WHERE class = 'started' AND view_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     GROUP BY region, device, connection
     ORDER BY ofAll DESC
     LIMIT 500`,
    { owner },
    TIMEOUT_MS,
  );
  const counted = rows.map(({ ofOwner, ofAll, ...context }) => ({ context, ofOwner, ofAll }));
  return {
    owner: counted.filter((row) => row.ofOwner > 0).map((row) => ({ ...row.context, views: row.ofOwner })),
    region: counted.filter((row) => row.context.region === region).map((row) => ({ ...row.context, views: row.ofAll })),
    everyone: counted.map((row) => ({ ...row.context, views: row.ofAll })),
  };
}
