import type { Context } from '../domain/index.ts';
import type { Database } from './database.ts';

/** Uplinks change with seasons and contracts, not with days. */
const HORIZON_DAYS = 28;
/** An upload that is about to begin waits for this answer. */
const TIMEOUT_MS = 2_000;
/** Less fits into the buffers between two machines and says nothing of the line between them. */
const MIN_BYTES = 256 * 1024;
const MIN_ELAPSED_MS = 50;

export type Kbps = { p10: number; p50: number; p90: number };

/** Lines that people uploaded over: one figure per upload, so that a long one does not outvote many short ones. */
export type Uplinks = {
  /** Uploads measured by the upload server or a server-side reporter; abandoned ones too, since slow lines are abandoned most. */
  uploads: number;
  abandoned: number;
  /** Uploads that only a client told of; they are in no other figure. */
  clientUploads: number;
  /** kbit/s while receiving, over the measured uploads; null without any that was large enough. */
  uplinkKbps: Kbps | null;
};

type Where = { region?: string; device?: string };
type Row = { uploads: number; abandoned: number; clientUploads: number; measured: number; kbps: number[] };

// Reports are cumulative, so an upload's largest one subsumes the rest, in whatever order they came and how often.
const UPLOADS_SQL = `
SELECT
  source = 'server' AS is_measured,
  argMax(region, (bytes, received_at)) AS region,
  argMax(device, (bytes, received_at)) AS device,
  max(bytes) AS sent_bytes,
  max(elapsed_ms) AS receiving_ms,
  max(abandoned) AS is_abandoned,
  is_measured AND sent_bytes >= ${MIN_BYTES} AND receiving_ms >= ${MIN_ELAPSED_MS} AS is_large_enough
FROM events
WHERE view_id = '' AND type IN ('upload_progress', 'upload_end') AND received_at > now() - INTERVAL ${HORIZON_DAYS} DAY
GROUP BY session_id, asset_id, is_measured`;

// Bits per millisecond are kbit/s.
const UPLINKS_SQL = `
  countIf(is_measured) AS uploads,
  countIf(is_measured AND is_abandoned) AS abandoned,
  countIf(NOT is_measured) AS clientUploads,
  countIf(is_large_enough) AS measured,
  quantilesExactInclusiveIf(0.1, 0.5, 0.9)(sent_bytes * 8 / greatest(receiving_ms, 1), is_large_enough) AS kbps
FROM (${UPLOADS_SQL})`;

/** The uplinks of a region, of a device class, of both, or of everywhere. Throws DatabaseError. */
export async function readUplinks(database: Pick<Database, 'query'>, { region, device }: Where): Promise<Uplinks> {
  const wanted = [
    region === undefined ? [] : ['region = {region:String}'],
    device === undefined ? [] : ['device = {device:String}'],
  ].flat();
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.join(' AND ')}`;
  const params = { ...(region === undefined ? {} : { region }), ...(device === undefined ? {} : { device }) };
  const [row] = await database.query<Row>(`SELECT ${UPLINKS_SQL} ${where}`, params, TIMEOUT_MS);
  return row === undefined ? { uploads: 0, abandoned: 0, clientUploads: 0, uplinkKbps: null } : toUplinks(row);
}

/** The uplinks of every region × device, the busiest first. Throws DatabaseError. */
export async function readUplinksByContext(
  database: Pick<Database, 'query'>,
): Promise<(Pick<Context, 'region' | 'device'> & Uplinks)[]> {
  const rows = await database.query<Row & Pick<Context, 'region' | 'device'>>(
    `SELECT region, device, ${UPLINKS_SQL} GROUP BY region, device ORDER BY uploads DESC, region, device`,
    {},
    TIMEOUT_MS,
  );
  return rows.map(({ region, device, ...row }) => ({ region, device, ...toUplinks(row) }));
}

function toUplinks({ measured, kbps, ...counts }: Row): Uplinks {
  const [p10 = 0, p50 = 0, p90 = 0] = kbps;
  return {
    uploads: counts.uploads,
    abandoned: counts.abandoned,
    clientUploads: counts.clientUploads,
    uplinkKbps: measured === 0 ? null : { p10, p50, p90 },
  };
}
