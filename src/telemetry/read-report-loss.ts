import type { EventSource } from '../domain/index.ts';
import type { Database } from './database.ts';

/** `expected` reports were made as far as the reporters' own counts say, `seen` of them are here, `repeated` came again. */
export type ReportCounts = { expected: number; seen: number; lost: number; repeated: number };

/** One reporter's own count of its reports: a CMCD session and mode, or the view of a native client. */
export type CountedReporter = { sessionId: string; source: EventSource } & ReportCounts;

export type ReportLoss = {
  total: ReportCounts;
  bySource: ({ source: EventSource; reporters: number } & ReportCounts)[];
  /** Those that lost the most, at most 100. */
  worst: CountedReporter[];
};

const WORST = 100;
/** How far around the range the rest of its sessions is looked for. */
const LONGEST_SESSION_HOURS = 24;

/**
 * CTA-5004-B counts `sn` from 0 per session, mode and target, whatever is played in it: gaps are looked for per session and mode,
 * never per view. Native clients count from any start per view. The reports after the last one seen cannot be missed.
 */
const REPORTERS = `
  SELECT session_id, source, max(sequence) - if(startsWith(source, 'cmcd'), 0, min(sequence)) + 1 AS expected,
    uniqExact(sequence) AS seen, count() - uniqExact(event_id) + sum(repeats) AS repeated
  FROM events
  WHERE isNotNull(sequence)
    AND received_at >= {from:DateTime64(3, 'UTC')} - INTERVAL ${LONGEST_SESSION_HOURS} HOUR
    AND received_at < {to:DateTime64(3, 'UTC')} + INTERVAL ${LONGEST_SESSION_HOURS} HOUR
  GROUP BY session_id, source, if(startsWith(source, 'cmcd'), '', view_id)
  HAVING min(received_at) >= {from:DateTime64(3, 'UTC')} AND min(received_at) < {to:DateTime64(3, 'UTC')}`;

const COUNTS =
  'sum(r.expected) AS expected, sum(r.seen) AS seen, sum(r.expected - r.seen) AS lost, sum(r.repeated) AS repeated';

/** How many of the reports that reporters made arrived, for reporters first heard in [from, to). Throws DatabaseError. */
export async function readReportLoss(
  database: Pick<Database, 'query'>,
  { from, to }: { from: Date; to: Date },
): Promise<ReportLoss> {
  const [bySource, worst] = await Promise.all([
    database.query<ReportLoss['bySource'][number]>(
      `SELECT source, count() AS reporters, ${COUNTS} FROM (${REPORTERS}) AS r GROUP BY source ORDER BY source`,
      { from, to },
    ),
    database.query<CountedReporter>(
      `SELECT session_id AS sessionId, source, expected, seen, expected - seen AS lost, repeated FROM (${REPORTERS})
       WHERE lost > 0 ORDER BY lost DESC, sessionId, source LIMIT ${WORST}`,
      { from, to },
    ),
  ]);
  const sum = (count: keyof ReportCounts): number =>
    bySource.reduce((total, source) => total + Number(source[count]), 0);
  return {
    total: { expected: sum('expected'), seen: sum('seen'), lost: sum('lost'), repeated: sum('repeated') },
    bySource,
    worst,
  };
}
