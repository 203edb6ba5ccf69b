import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../src/telemetry/database.ts';

/** Reports of a view in made rows, and seconds between them. */
export const REPORTS = 8;
const REPORT_EVERY_SECONDS = 10;
/** Made rows lie in this many days, as evenly as a busy service's. */
const DAYS = 10;
const VIEWS_AT_ONCE = 250_000;
const MERGE_POLL_MS = 200;
const MERGE_PATIENCE_MS = 30_000;

export type Shape = {
  /** Of the full table: it grows backwards from the newest. */
  allViews: number;
  endSeconds: number;
};

/** Adds views to `events` and `view_outcomes`, then waits until the engine has merged for a while. */
export async function fill(database: Database, range: { from: number; to: number }, shape: Shape): Promise<void> {
  for (let from = range.from; from < range.to; from += VIEWS_AT_ONCE) {
    const part = { from, count: Math.min(VIEWS_AT_ONCE, range.to - from) };
    await database.command(eventsSql(part, shape));
    await database.command(outcomesSql(part, shape));
  }
  for (const endAt = Date.now() + MERGE_PATIENCE_MS; Date.now() < endAt; await delay(MERGE_POLL_MS)) {
    const [merging] = await database.query<{ merges: number }>('SELECT count() AS merges FROM system.merges');
    if (merging?.merges === 0) return;
  }
}

type Range = { from: number; count: number };

const VIEW_ID = "concat('v_', substring(hex(sipHash128(view)), 1, 22))";
const beganAt = ({ allViews, endSeconds }: Shape): string =>
  `toDateTime64(${endSeconds} - view * ${(DAYS * 86_400) / allViews}, 3, 'UTC')`;

/** In the shape of `traffic.ts`. */
const eventsSql = ({ from, count }: Range, shape: Shape): string => `
INSERT INTO events (segment, view_id, event_id, type, session_id, asset_id, ts, received_at, region, device, connection, source, block,
  startup_ms, played_ms, stalled_ms, stall_count, bytes, rung_ms, switches_up, dropped_frames, viewport_height)
WITH
  toUInt64(intDiv(number, ${REPORTS})) AS view,
  number % ${REPORTS} AS report,
  ${VIEW_ID} AS id,
  ${beganAt(shape)} + report * ${REPORT_EVERY_SECONDS} AS at
SELECT
  concat('made-', toString(intDiv(view, 4000))), id, concat('e', toString(report)),
  multiIf(report = 0, 'view_start', report = 1, 'startup', report = ${REPORTS - 1}, 'view_end', 'progress'),
  substring(id, 3, 20), concat('a_', leftPad(toString(view % 500), 22, '0')), at, at,
  ['NO', 'DE', 'IN', 'BR', 'US'][view % 5 + 1], ['phone', 'desktop', 'tv'][view % 3 + 1], 'unknown', 'beacon',
  leftPad(hex(view % 20000), 16, '0'),
  if(report = 0, NULL, 300 + view % 3000), if(report < 2, 0, (report - 1) * 10000), view % 7 * 100 * (report > 2), view % 3,
  if(report < 2, 0, (report - 1) * 2000000),
  if(report < 2, map(), map('480p-910k-2b3c4d5e', toUInt32(10000), '720p-1810k-3c4d5e6f', toUInt32((report - 2) * 10000))),
  report > 2, view % 3, if(report < 2, 0, 720)
FROM numbers(${from * REPORTS}, ${count * REPORTS})`;

/** Only what a fold looks at: when a view was heard, and from how many events its row is. */
const outcomesSql = ({ from, count }: Range, shape: Shape): string => `
INSERT INTO view_outcomes (view_id, first_received_at, last_received_at, received_hours, event_rows)
WITH toUInt64(number) AS view, ${beganAt(shape)} AS began, began + ${(REPORTS - 1) * REPORT_EVERY_SECONDS} AS ended
SELECT ${VIEW_ID}, began, ended, arrayDistinct([toStartOfHour(began), toStartOfHour(ended)]), ${REPORTS}
FROM numbers(${from}, ${count})`;
