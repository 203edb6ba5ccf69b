import type { Database } from './database.ts';
import { toClickHouseTime } from './event-line.ts';
import type { Segment } from './spool/segment-files.ts';

/** Where events went; `received = stored + duplicates + deadLettered + erased + waiting` where `balanced`. */
export type Figures = {
  /** Counted on disk when they were acknowledged, with what was refused. */
  received: number;
  /** Rows that the database has. */
  stored: number;
  /** Refused because the bounded window had just seen them. */
  duplicates: number;
  /** Refused, or impossible to store; kept with their reasons. */
  deadLettered: number;
  /** Removed because somebody asked for it. */
  erased: number;
  /** On this host's disk and not in the database yet. */
  waiting: number;
  /** What is nowhere; negative when something is there that nobody acknowledged. 0, or there is a defect. */
  unaccounted: number;
  balanced: boolean;
};

export type Audit = Figures & {
  from: string;
  to: string;
  /** Different events among the stored: less than `stored` by what was repeated outside the bounded window. */
  distinctEvents: number;
  hours: (Figures & { hour: string })[];
};

/** Segments and rows that are still on this host's disk. */
export type Waiting = readonly Pick<Segment, 'id' | 'rows' | 'writtenAtMs'>[];

/** Ledger entry of a segment that has been applied; others are corrections. */
const SHIPPED = 'shipped';
const TIMEOUT_MS = 60_000;
const HOUR_MS = 3_600_000;
const COLUMNS = ['accepted', 'stored', 'duplicates', 'refused', 'dead', 'erased'] as const;
type Row = { hour: string } & Record<(typeof COLUMNS)[number], number>;

/** Notes what an applied segment held when it was acknowledged; repeating it changes nothing. Throws DatabaseError. */
export async function writeLedger(
  database: Pick<Database, 'command'>,
  stream: string,
  segment: Segment,
  deadRows: number,
): Promise<void> {
  await database.command(
    `INSERT INTO ingest_ledger (stream, segment, entry, at, row_count, dead_rows)
     VALUES ({stream:String}, {segment:String}, '${SHIPPED}', {at:DateTime64(3, 'UTC')}, {rows:UInt64}, {dead:UInt64})`,
    {
      stream,
      segment: segment.id,
      at: toClickHouseTime(segment.writtenAtMs),
      rows: segment.rows,
      dead: deadRows,
    },
    `ledger ${segment.id}`,
  );
}

/**
 * Holds what hosts counted on their own disks against what the database has, segment by segment, for events received in
 * [fromMs, toMs), by hour. Other hosts' unshipped segments are not known here and count on neither side. Throws DatabaseError.
 */
export async function audit(
  database: Pick<Database, 'query'>,
  waiting: Waiting,
  range: { fromMs: number; toMs: number },
): Promise<Audit> {
  const params = {
    from: toClickHouseTime(range.fromMs),
    to: toClickHouseTime(range.toMs),
    waiting: waiting.map(({ id }) => id),
  };
  const [rows, distinct] = await Promise.all([
    database.query<Row>(AUDIT_SQL, params, TIMEOUT_MS),
    database.query<{ distinctEvents: number }>(DISTINCT_SQL, params, TIMEOUT_MS),
  ]);
  const waitingByHour = countByHour(waiting, range);
  const hours = [...new Set([...rows.map(({ hour }) => hour), ...waitingByHour.keys()])].sort();
  const figures = hours.map((hour) => ({
    hour,
    ...figuresOf(
      rows.filter((row) => row.hour === hour),
      waitingByHour.get(hour) ?? 0,
    ),
  }));
  const allWaiting = [...waitingByHour.values()].reduce((sum, count) => sum + count, 0);
  return {
    from: new Date(range.fromMs).toISOString(),
    to: new Date(range.toMs).toISOString(),
    ...figuresOf(rows, allWaiting),
    balanced: figures.every(({ balanced }) => balanced),
    distinctEvents: distinct[0]?.distinctEvents ?? 0,
    hours: figures,
  };
}

const HOUR_TEXT = "formatDateTime(hour, '%Y-%m-%dT%H:00:00Z')";

const AUDIT_SQL = `
SELECT ${HOUR_TEXT} AS hour, ${COLUMNS.map((name) => `sum(figures.${name}) AS ${name}`).join(', ')}
FROM (
  SELECT ledger.hour AS hour, ledger.accepted AS accepted, found.stored AS stored, found.repeats AS duplicates,
    toUInt64(0) AS refused, ledger.dead AS dead, ledger.erased AS erased
  FROM (
    SELECT segment, toStartOfHour(maxIf(at, entry = '${SHIPPED}')) AS hour, sumIf(row_count, entry = '${SHIPPED}') AS accepted,
      sumIf(row_count, entry != '${SHIPPED}') AS erased, sum(dead_rows) AS dead
    FROM ingest_ledger FINAL
    WHERE stream = 'events' AND segment NOT IN {waiting:Array(String)}
    GROUP BY segment
    HAVING hour >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND hour < {to:DateTime64(3, 'UTC')}
  ) AS ledger
  LEFT JOIN (
    SELECT segment, count() AS stored, sum(repeats) AS repeats FROM events
    WHERE received_at >= {from:DateTime64(3, 'UTC')} - INTERVAL 2 HOUR AND received_at < {to:DateTime64(3, 'UTC')} + INTERVAL 1 HOUR
    GROUP BY segment
  ) AS found USING segment
  UNION ALL
  SELECT toStartOfHour(received_at) AS hour, 0, 0, 0, events, 0, 0 FROM dead_letters
  WHERE received_at >= toStartOfHour({from:DateTime64(3, 'UTC')}) AND received_at < {to:DateTime64(3, 'UTC')}
) AS figures
GROUP BY figures.hour AS hour_start, hour
ORDER BY hour`;

const DISTINCT_SQL = `
SELECT uniqExact(view_id, session_id, asset_id, event_id) AS distinctEvents FROM events
WHERE received_at >= {from:DateTime64(3, 'UTC')} AND received_at < {to:DateTime64(3, 'UTC')}`;

function figuresOf(rows: readonly Row[], waiting: number): Figures {
  const total = (name: (typeof COLUMNS)[number]): number => rows.reduce((sum, row) => sum + row[name], 0);
  const [stored, duplicates, erased] = [total('stored'), total('duplicates'), total('erased')];
  const deadLettered = total('refused') + total('dead');
  const received = total('accepted') + duplicates + total('refused') + waiting;
  const unaccounted = received - (stored + duplicates + deadLettered + erased + waiting);
  return {
    received,
    stored,
    duplicates,
    deadLettered,
    erased,
    waiting,
    unaccounted,
    balanced: unaccounted === 0,
  };
}

function countByHour(waiting: Waiting, range: { fromMs: number; toMs: number }): Map<string, number> {
  const byHour = new Map<string, number>();
  for (const { rows, writtenAtMs } of waiting) {
    if (writtenAtMs < range.fromMs - HOUR_MS || writtenAtMs >= range.toMs || rows === 0) continue;
    const hour = new Date(Math.floor(writtenAtMs / HOUR_MS) * HOUR_MS).toISOString().replace('.000Z', 'Z');
    byHour.set(hour, (byHour.get(hour) ?? 0) + rows);
  }
  return byHour;
}
