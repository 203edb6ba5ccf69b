import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';

/** The questions telemetry asks of ClickHouse. Every method throws DatabaseError. */
export type Database = {
  /** Rows of a SELECT; `params` fill `{name:Type}` placeholders. Gives up after `timeoutMs`, 10 s unless told. */
  query<Row>(sql: string, params?: Record<string, unknown>, timeoutMs?: number): Promise<Row[]>;
  /** A statement without rows. `id` marks it so that it can be found while it runs. */
  command(sql: string, params?: Record<string, unknown>, id?: string): Promise<void>;
  /** Streams a file of JSON lines into a table. `id` marks the statement. */
  insertFile(table: string, path: string, id: string): Promise<void>;
  /** Inserts a few rows; for many, ship a file. */
  insertRows(table: string, rows: readonly Record<string, unknown>[]): Promise<void>;
  ping(): Promise<boolean>;
  close(): Promise<void>;
};

/** A failed statement. `permanent`: trying the same bytes again cannot help. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;
  readonly permanent: boolean;
  constructor(message: string, options: { code: string; permanent: boolean; cause: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.permanent = options.permanent;
  }
}

/** Errors that lie in the rows themselves, beside all CANNOT_PARSE_…: such rows are dead-lettered, not tried for ever. */
const PERMANENT_TYPES = new Set([
  'ARGUMENT_OUT_OF_BOUND',
  'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  'TOO_LARGE_STRING_SIZE',
  'UNKNOWN_ELEMENT_OF_ENUM',
  'CANNOT_READ_ALL_DATA',
  'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN',
  'INCORRECT_DATA',
  'TYPE_MISMATCH',
]);

/** Somebody waits for the answer of a query; statements that move data may take longer. */
const QUERY_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 1_000;
/** Chunks of a shipped file: of 64 KiB, the default, 16 MiB take twice as long from here to the other side. */
const READ_BYTES = 1024 ** 2;

/** A Database over ClickHouse's HTTP interface at `url` (credentials and database in the URL). Opens no connection by itself. */
export function createDatabase(url: string): Database {
  const client = createClient({
    url,
    request_timeout: STATEMENT_TIMEOUT_MS,
    max_open_connections: 8,
    // Errors are thrown to whoever asked, and logged there.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { date_time_input_format: 'best_effort', output_format_json_quote_64bit_integers: 0 },
  });
  return {
    query: (sql, params = {}, timeoutMs = QUERY_TIMEOUT_MS) =>
      wrap(async () => {
        const result = await client.query({
          query: sql,
          query_params: params,
          format: 'JSONEachRow',
          abort_signal: AbortSignal.timeout(timeoutMs),
        });
        return await result.json();
      }),
    command: (sql, params = {}, id) =>
      wrap(async () => {
        await client.command({
          query: sql,
          query_params: params,
          ...(id === undefined ? {} : { clickhouse_settings: { log_comment: id } }),
        });
      }),
    insertFile: (table, path, id) =>
      wrap(async () => {
        const result = await client.exec({
          query: `INSERT INTO ${table} FORMAT JSONEachRow`,
          values: createReadStream(path, { highWaterMark: READ_BYTES }),
          // A table that deduplicates would silently drop the same bytes when they come again after having been removed.
          clickhouse_settings: { log_comment: id, insert_deduplication_token: randomUUID() },
        });
        for await (const _chunk of result.stream) {
          // The answer is empty; draining it frees the connection.
        }
      }),
    insertRows: (table, rows) =>
      wrap(async () => {
        await client.insert({ table, values: [...rows], format: 'JSONEachRow' });
      }),
    ping: async () =>
      (await client.ping({ select: false, abort_signal: AbortSignal.timeout(PING_TIMEOUT_MS) })).success,
    close: () => client.close(),
  };
}

async function wrap<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ClickHouseError) {
      const type = cause.type ?? 'UNKNOWN';
      throw new DatabaseError(cause.message, {
        code: type,
        permanent: type.startsWith('CANNOT_PARSE') || PERMANENT_TYPES.has(type),
        cause,
      });
    }
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DatabaseError(`ClickHouse did not answer: ${message}`, { code: 'UNREACHABLE', permanent: false, cause });
  }
}
