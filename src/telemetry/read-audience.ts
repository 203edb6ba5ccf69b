import type { Context } from '../domain/index.ts';
import type { Database } from './database.ts';

/** Views counted for predicting an audience. */
const HORIZON_DAYS = 28;

/** Started views per context. */
export type ContextViews = Context & { views: number };

/** Who watched this owner's videos, who watched in this region, and who watched anything, over the last four weeks. */
export async function readAudienceViews(
  database: Pick<Database, 'query'>,
  owner: string,
  region: string,
): Promise<{ owner: ContextViews[]; region: ContextViews[]; everyone: ContextViews[] }> {
  const rows = await database.query<Context & { ofOwner: number; all: number }>(
    `SELECT region, device, connection, countIf(owner = {owner:String}) AS ofOwner, count() AS all
     FROM scored_views
     WHERE class = 'started' AND view_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     GROUP BY region, device, connection
     ORDER BY all DESC
     LIMIT 500`,
    { owner },
  );
  const counted = rows.map(({ ofOwner, all, ...context }) => ({ context, ofOwner, all }));
  return {
    owner: counted.filter((row) => row.ofOwner > 0).map((row) => ({ ...row.context, views: row.ofOwner })),
    region: counted.filter((row) => row.context.region === region).map((row) => ({ ...row.context, views: row.all })),
    everyone: counted.map((row) => ({ ...row.context, views: row.all })),
  };
}
