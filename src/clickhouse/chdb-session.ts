// One chDB connection. Lifecycle: opened by the pool → runs one statement at a time → closed for good as soon as
// something sticks to it that cannot be taken back (a failure, readonly, SET, a temporary table).
import type { Session } from 'chdb';
import { toClickHouseException } from './clickhouse-exception.ts';
import { isReadonly, type Settings, toResetStatement, toSetStatements } from './settings.ts';
import { quoteIdentifier } from './sql-literal.ts';

/** What a statement runs under. */
export type StatementContext = { database: string; settings: Settings; params: ReadonlyMap<string, string> };
/** A statement's answer; rows and bytes are those of the result, or of what an insert brought. */
export type QueryResult = { bytes: Uint8Array; rows: number; resultBytes: number; elapsedSeconds: number };

const DEFAULT_DATABASE = 'default';
/** Substitutions cannot be unset; a session that has seen this many names is replaced. */
const MAX_PARAM_NAMES = 100;

export class ChdbSession {
  /** Marks this session's statements in `system.processes`. */
  readonly name: string;
  readonly #session: Session;
  readonly #own: Settings;
  readonly #running: Set<Promise<unknown>>;
  readonly #paramNames = new Set<string>();
  #database = DEFAULT_DATABASE;
  #failed = false;

  /** `own` are the settings it was opened with; `running` collects every native call under way in the process. */
  constructor(session: Session, name: string, own: Settings, running: Set<Promise<unknown>>) {
    this.#session = session;
    this.name = name;
    this.#own = own;
    this.#running = running;
  }

  /** False when a substitution left by an earlier request could stand in for one this request forgot to send. */
  canServe(context: StatementContext, placeholders: ReadonlySet<string>): boolean {
    if (this.#paramNames.size > MAX_PARAM_NAMES) return false;
    return [...placeholders].every((name) => context.params.has(name) || !this.#paramNames.has(name));
  }

  async prepare(context: StatementContext): Promise<void> {
    // Always asked for anew: a session whose database was dropped would not notice.
    if (this.#database !== DEFAULT_DATABASE || context.database !== DEFAULT_DATABASE) {
      await this.query(`USE ${quoteIdentifier(context.database)}`, 'Null');
      this.#database = context.database;
    }
    for (const name of context.params.keys()) this.#paramNames.add(name);
    for (const sql of toSetStatements(context.settings, context.params)) await this.query(sql, 'Null');
  }

  /** Takes back what `prepare` set; false when this session must not be used again. */
  async restore(context: StatementContext): Promise<boolean> {
    if (this.#failed || isReadonly(context.settings)) return false;
    const reset = toResetStatement(context.settings, this.#own);
    if (reset === null) return true;
    return this.query(reset, 'Null').then(
      () => true,
      () => false,
    );
  }

  /** Runs one statement off the event loop. Throws ClickHouseException. */
  async query(sql: string, format: string): Promise<QueryResult> {
    const native = this.#session.queryAsync(sql, { format });
    this.#running.add(native);
    try {
      const result = await native;
      const { rowsRead, bytesRead, elapsed } = result;
      return { bytes: result.bytes(), rows: rowsRead, resultBytes: bytesRead, elapsedSeconds: elapsed };
    } catch (error) {
      // What a failed statement had already put out would come in front of the next one's answer.
      this.#failed = true;
      throw toClickHouseException(error);
    } finally {
      this.#running.delete(native);
    }
  }

  close(): void {
    this.#session.close();
  }
}
