import type { Device } from '../domain/index.ts';
import type { Database } from './database.ts';
import { timeSql } from './schema/view-scope.ts';

/** What was decided lately stands for what is watched. */
const HORIZON_DAYS = 14;
const DAY_MS = 86_400_000;
/** Renditions are put together by bitrate, this many to an octave. */
const BANDS_PER_OCTAVE = 2;
const TIMEOUT_MS = 20_000;

type Row = { device: Device; kbps: number; points: number };

/** Mean quality, by device and about which bitrate, of the renditions that views could be offered, rising in bitrate. Throws DatabaseError. */
export async function readRateQuality(
  database: Pick<Database, 'query'>,
  nowMs: number,
): Promise<Map<Device, { kbps: number; points: number }[]>> {
  const rows = await database.query<Row>(
    `SELECT device, exp2(round(log2(rendition.2 / scale) * ${BANDS_PER_OCTAVE}) / ${BANDS_PER_OCTAVE}) AS kbps,
       avg(rendition_quality[rendition.1]) AS points
     FROM (
       SELECT device, complexity_scale AS scale, rendition_quality,
         arrayJoin(arrayZip(mapKeys(rendition_kbps), mapValues(rendition_kbps))) AS rendition
       FROM decisions WHERE decided_at >= ${timeSql(new Date(nowMs - HORIZON_DAYS * DAY_MS))} AND complexity_scale > 0
     )
     WHERE rendition.2 > 0 AND mapContains(rendition_quality, rendition.1)
     GROUP BY device, kbps ORDER BY device, kbps`,
    {},
    TIMEOUT_MS,
  );
  const curves = new Map<Device, { kbps: number; points: number }[]>();
  for (const { device, kbps, points } of rows) curves.set(device, [...(curves.get(device) ?? []), { kbps, points }]);
  return curves;
}
