import type { Database } from './database.ts';
import { FOLD_COUNTED_SEGMENT_SQL, FOLD_SEGMENT_SQL, SEGMENT_HAS_REPORTS_SQL } from './outcome-fold.ts';

/** A backlog's segment may wait behind others; whoever folds has time. */
const TIMEOUT_MS = 60_000;

/** Rebuilds the outcomes of every view that an applied segment touches; again changes nothing. Throws DatabaseError. */
export async function foldSegment(database: Pick<Database, 'query' | 'command'>, segmentId: string): Promise<void> {
  const segment = { segment: segmentId };
  const reports = await database.query(SEGMENT_HAS_REPORTS_SQL, segment, TIMEOUT_MS);
  const sql = reports.length > 0 ? FOLD_SEGMENT_SQL : FOLD_COUNTED_SEGMENT_SQL;
  await database.command(sql, segment, `fold ${segmentId}`);
}
