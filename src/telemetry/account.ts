import type { Database } from './database.ts';
import { toClickHouseTime } from './event-row.ts';

/** Where the events went that this process received since it started: received = stored + duplicates + deadLettered + waiting. */
export type Audit = {
  since: string;
  received: number;
  /** Rows in the database. */
  stored: number;
  /** Events refused because the bounded window had seen them. */
  duplicates: number;
  deadLettered: number;
  /** Rows on local disk that are not in the database yet. */
  waiting: number;
  /** Different (view, event id) pairs among the stored. */
  distinctEvents: number;
};

/** Counts what comes in, and asks the database what arrived. */
export function createAccount(database: Pick<Database, 'query'>, sinceMs: number) {
  const counts = { accepted: 0, duplicates: 0, deadLettered: 0 };
  return {
    received(result: { accepted: number; duplicates: number }): void {
      counts.accepted += result.accepted;
      counts.duplicates += result.duplicates;
    },
    deadLettered(rows: number): void {
      counts.deadLettered += rows;
    },
    /** Throws DatabaseError. */
    async audit(waiting: number): Promise<Audit> {
      const [row] = await database.query<{ stored: number; distinctEvents: number }>(
        'SELECT count() AS stored, uniqExact(view_id, session_id, event_id) AS distinctEvents FROM events WHERE received_at >= {since:DateTime64(3)}',
        { since: toClickHouseTime(sinceMs) },
      );
      return {
        since: new Date(sinceMs).toISOString(),
        received: counts.accepted + counts.duplicates,
        stored: row?.stored ?? 0,
        duplicates: counts.duplicates,
        deadLettered: counts.deadLettered,
        waiting,
        distinctEvents: row?.distinctEvents ?? 0,
      };
    },
  };
}
