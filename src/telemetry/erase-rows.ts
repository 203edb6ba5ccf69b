import { type Database, DatabaseError } from './database.ts';

/** Rows of these sessions, and of these assets. */
export type Erasable = { sessionIds: readonly string[]; assetIds: readonly string[] };

export type ErasedRows = { events: number; decisions: number; outcomes: number; deadLetters: number; rollups: number };

type Port = Pick<Database, 'query' | 'command'>;

const MATCHES = '(session_id IN {sessionIds:Array(String)} OR asset_id IN {assetIds:Array(String)})';
/** In a text that was refused, an id stands in quotes, or in quotes as they are in a URL. */
const MENTIONED = `(${MATCHES} OR arrayExists(id -> position(body, concat('"', id, '"')) > 0 OR position(body, concat('%22', id, '%22')) > 0,
  arrayConcat({sessionIds:Array(String)}, {assetIds:Array(String)})))`;

const POLL_MS = 200;
const DEADLINE_MS = 600_000;
const TIMEOUT_MS = 60_000;

/** Hours that views of these rows are in, or were in when they were rolled up, and those of former attempts. Throws DatabaseError. */
export async function hoursOf(
  database: Pick<Database, 'query'>,
  erasable: Erasable,
  names: readonly { kind: string; subject: string }[],
): Promise<Date[]> {
  const rows = await database.query<{ second: number }>(
    `SELECT DISTINCT toUnixTimestamp(hour) AS second FROM (
       SELECT toStartOfHour(decided_at) AS hour FROM decisions WHERE ${MATCHES}
       UNION DISTINCT
       SELECT arrayJoin(arrayPushBack(received_hours, toStartOfHour(first_received_at))) AS hour FROM view_outcomes WHERE ${MATCHES}
       UNION DISTINCT
       SELECT arrayJoin(hours) AS hour FROM erasures WHERE concat(kind, ' ', subject) IN {names:Array(String)}
     )`,
    { ...erasable, names: names.map(({ kind, subject }) => `${kind} ${subject}`) },
    TIMEOUT_MS,
  );
  return rows.map(({ second }) => new Date(second * 1000));
}

/** Deletes the rows, really: parts of tables are written again without them. Answers how many there were. Throws DatabaseError. */
export async function eraseRows(
  database: Port,
  erasable: Erasable,
  name: { kind: string; subject: string },
): Promise<ErasedRows> {
  await writeErasedLedger(database, erasable, name);
  const events = await erase(database, 'events', MATCHES, erasable);
  const decisions = await erase(database, 'decisions', MATCHES, erasable);
  // A fold that read the events before they were gone would bring their outcomes back.
  await settleFolds(database);
  const outcomes = await erase(database, 'view_outcomes', MATCHES, erasable);
  const deadLetters = await erase(database, 'dead_letters', MENTIONED, erasable);
  const rollups = await erase(database, 'hour_rollups', 'asset_id IN {assetIds:Array(String)}', erasable);
  return { events, decisions, outcomes, deadLetters, rollups };
}

/** Whether any row is left of the ones an outcome can come from or be. Throws DatabaseError. */
export async function eraseOutcomes(database: Port, erasable: Erasable): Promise<number> {
  await settleFolds(database);
  return erase(database, 'view_outcomes', MATCHES, erasable);
}

/**
 * Tells the account which events are about to go. An event that was erased before and came back with its segment counts once: what
 * stands there is only raised. Throws DatabaseError.
 */
export async function writeErasedLedger(
  database: Pick<Database, 'command'>,
  erasable: Erasable,
  name: { kind: string; subject: string },
  segment = '',
): Promise<void> {
  await database.command(
    `INSERT INTO ingest_ledger (stream, segment, entry, at, row_count, dead_rows)
     SELECT 'events', found.segment, {entry:String}, now64(3), greatest(found.n, known.n), 0
     FROM (
       SELECT segment, count() AS n FROM events
       WHERE ${MATCHES} ${segment === '' ? '' : 'AND segment = {segment:String}'} GROUP BY segment
     ) AS found
     LEFT JOIN (
       SELECT segment, max(row_count) AS n FROM ingest_ledger WHERE stream = 'events' AND entry = {entry:String} GROUP BY segment
     ) AS known ON found.segment = known.segment`,
    { ...erasable, segment, entry: `erased ${name.kind} ${name.subject}` },
  );
}

async function erase(database: Port, table: string, where: string, erasable: Erasable): Promise<number> {
  const params = { ...erasable };
  const [found] = await database.query<{ n: number }>(
    `SELECT count() AS n FROM ${table} WHERE ${where}`,
    params,
    TIMEOUT_MS,
  );
  if (!found?.n) return 0;
  await database.command(`ALTER TABLE ${table} DELETE WHERE ${where} SETTINGS mutations_sync = 0`, params);
  await poll(`rows of ${table} are still being erased`, async () => {
    const [left] = await database.query<{ waiting: number; failure: string }>(
      `SELECT countIf(NOT is_done) AS waiting, anyIf(latest_fail_reason, NOT is_done) AS failure
       FROM system.mutations WHERE database = currentDatabase() AND table = {table:String}`,
      { table },
    );
    if (left?.failure) throw new DatabaseError(left.failure, { code: 'MUTATION', permanent: false, cause: undefined });
    return left?.waiting === 0;
  });
  return found.n;
}

/** Resolves when the folds that run now have ended. Throws DatabaseError. */
async function settleFolds(database: Pick<Database, 'query'>): Promise<void> {
  const running = async (): Promise<Set<string>> => {
    const rows = await database.query<{ id: string }>(
      "SELECT query_id AS id FROM system.processes WHERE Settings['log_comment'] LIKE 'fold %'",
    );
    return new Set(rows.map(({ id }) => id));
  };
  const before = await running();
  if (before.size === 0) return;
  await poll('a fold did not end', async () => [...(await running())].every((id) => !before.has(id)));
}

async function poll(failure: string, done: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < DEADLINE_MS; waitedMs += POLL_MS) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new DatabaseError(`${failure} after ${DEADLINE_MS} ms`, {
    code: 'TIMEOUT',
    permanent: false,
    cause: undefined,
  });
}
