export type EmbeddedClickHouseErrorCode =
  | 'clickhouse.engine-missing'
  | 'clickhouse.data-dir-in-use'
  | 'clickhouse.data-dir-unusable'
  | 'clickhouse.port-taken'
  | 'clickhouse.start-failed';

/** The embedded ClickHouse cannot start; the message says what to do. */
export class EmbeddedClickHouseError extends Error {
  readonly code: EmbeddedClickHouseErrorCode;

  constructor(code: EmbeddedClickHouseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedClickHouseError';
    this.code = code;
  }
}
