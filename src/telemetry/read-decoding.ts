import type { Codec } from '../domain/index.ts';
import type { Database } from './database.ts';

/** As far back as audiences are looked at. */
const HORIZON_DAYS = 28;
const TIMEOUT_MS = 30_000;

/** Views decided, and those of them whose player had said that it decodes a codec. */
export type DecodingViews = { views: number; decoding: number };

/** How many views of these assets, and of all, came from players that say they decode `codec`, over the last four weeks. */
export async function readDecoding(
  database: Pick<Database, 'query'>,
  codec: Codec,
  assetIds: readonly string[],
): Promise<{ everyone: DecodingViews; assets: ReadonlyMap<string, DecodingViews> }> {
  const rows = await database.query<DecodingViews & { assetId: string }>(
    `SELECT if(asset_id IN {assetIds:Array(String)}, asset_id, '') AS assetId,
       uniqExact(view_id) AS views, uniqExactIf(view_id, has(decodes, {codec:String})) AS decoding
     FROM decisions
     WHERE decided_at > now() - INTERVAL ${HORIZON_DAYS} DAY
     GROUP BY assetId`,
    { assetIds, codec },
    TIMEOUT_MS,
  );
  const counted = rows.map(({ assetId, views, decoding }) => ({
    assetId,
    views: Number(views),
    decoding: Number(decoding),
  }));
  const sum = (of: (row: DecodingViews) => number): number => counted.reduce((total, row) => total + of(row), 0);
  return {
    everyone: { views: sum(({ views }) => views), decoding: sum(({ decoding }) => decoding) },
    assets: new Map(counted.map(({ assetId, ...views }) => [assetId, views])),
  };
}
