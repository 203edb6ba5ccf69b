import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';
import type { BuriedRow } from './spool/dead-rows.ts';

/** Code of rows that were accepted and that the database would not take. */
export const ROW_REFUSED = 'row.refused';

/** Something that was refused. `body` is empty where there were too many to keep; `events` says how many it stands for. */
export type DeadLetter = {
  at: string;
  source: string;
  code: string;
  reason: string;
  sessionId: string;
  assetId: string;
  events: number;
  body: string;
};

/** A row that the database would not take, as a dead letter. */
export function toDeadLetter({ line, reason, atMs }: BuriedRow): DeadLetter {
  const { source = '', session_id: sessionId = '', asset_id: assetId = '' } = parseRow(line);
  const at = new Date(atMs).toISOString();
  return { at, source, code: ROW_REFUSED, reason, sessionId, assetId, events: 1, body: line };
}

function parseRow(line: string): { source?: string; session_id?: string; asset_id?: string } {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

type Query = { from: Date; to: Date; code?: string; limit: number };

/** Dead letters received in [from, to). Throws DatabaseError. */
export async function readDeadLetters(database: Pick<Database, 'query'>, query: Query): Promise<DeadLetter[]> {
  return await database.query<DeadLetter>(
    `SELECT concat(replaceOne(toString(received_at), ' ', 'T'), 'Z') AS at, source, code, reason, session_id AS sessionId,
       asset_id AS assetId, events, body
     FROM dead_letters
     WHERE received_at >= {from:DateTime64(3, 'UTC')} AND received_at < {to:DateTime64(3, 'UTC')}
       ${query.code === undefined ? '' : 'AND code = {code:String}'}
     ORDER BY received_at DESC
     LIMIT {limit:UInt32}`,
    {
      from: toClickHouseTime(query.from.getTime()),
      to: toClickHouseTime(query.to.getTime()),
      limit: query.limit,
      ...(query.code === undefined ? {} : { code: query.code }),
    },
  );
}
