// Lifecycle: made with one control session, which holds the engine open → run() opens sessions as statements need them
// and keeps the clean ones → close() closes all. Every statement has a session to itself; inserts and all the rest have
// lanes of their own, so that neither dashboards hold up telemetry nor telemetry the dashboards.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ChdbSession, StatementContext } from './chdb-session.ts';
import { Gate } from './gate.ts';
import { quoteString } from './sql-literal.ts';

/** What a statement gets to run with: a session, and a pipe for its rows that nobody else uses meanwhile. */
export type Lease = { session: ChdbSession; pipePath: string };
export type Lane = 'insert' | 'statement';
export type Leasing = {
  lane: Lane;
  context: StatementContext;
  placeholders: ReadonlySet<string>;
  /** The session is not to be used again. */
  leavesState: boolean;
};

const MAX_WAITING = 1_000;
/**
 * chDB lets go of a closed connection (270 kB) only when everything then running has ended. Behind a long statement
 * closed ones pile up; at this many, new sessions wait.
 */
const MAX_CONNECTIONS = 128;
const KILL_EVERY_MS = 100;

export class SessionPool {
  readonly control: ChdbSession;
  readonly #open: () => ChdbSession;
  readonly #running: ReadonlySet<Promise<unknown>>;
  readonly #log: Logger;
  readonly #gates: Record<Lane, Gate>;
  readonly #idle: ChdbSession[] = [];
  readonly #freePipes: string[];
  readonly #closing = new Set<Promise<unknown>>();
  #connections = 1;
  #controlTurn: Promise<unknown> = Promise.resolve();

  /** `lanes` says how many of each run at once; there is a pipe for each. `running` are the native calls under way. */
  constructor(options: {
    open: () => ChdbSession;
    running: ReadonlySet<Promise<unknown>>;
    lanes: Record<Lane, number>;
    pipePaths: readonly string[];
    log: Logger;
  }) {
    this.#open = options.open;
    this.#running = options.running;
    this.#log = options.log;
    this.#freePipes = [...options.pipePaths];
    this.#gates = {
      insert: new Gate(options.lanes.insert, MAX_WAITING),
      statement: new Gate(options.lanes.statement, MAX_WAITING),
    };
    this.control = options.open();
  }

  /** Runs `work` with a prepared session; when `signal` aborts, its statement is killed until it gives up. */
  async run<T>(leasing: Leasing, signal: AbortSignal, work: (lease: Lease) => Promise<T>): Promise<T> {
    return this.#gates[leasing.lane].pass(signal, async () => {
      const session = await this.#take(leasing);
      const pipePath = this.#freePipes.pop();
      if (pipePath === undefined) throw new Error('the lanes are wider than there are pipes');
      try {
        await session.prepare(leasing.context);
        return await this.#killable(session, signal, () => work({ session, pipePath }));
      } finally {
        this.#freePipes.push(pipePath);
        await this.#giveBack(session, leasing);
      }
    });
  }

  /** Waits until nothing runs any more. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** Closes every session; the engine ends with the last. */
  close(): void {
    for (const session of [...this.#idle.splice(0), this.control]) session.close();
  }

  async #take({ context, placeholders }: Leasing): Promise<ChdbSession> {
    const idle = this.#idle.pop();
    if (idle?.canServe(context, placeholders) === true) return idle;
    if (idle !== undefined) this.#discard(idle);
    while (this.#connections >= MAX_CONNECTIONS) await Promise.race(this.#closing);
    this.#connections += 1;
    return this.#open();
  }

  async #giveBack(session: ChdbSession, { context, leavesState }: Leasing): Promise<void> {
    if (!leavesState && (await session.restore(context))) this.#idle.push(session);
    else this.#discard(session);
  }

  #discard(session: ChdbSession): void {
    session.close();
    const closed = Promise.allSettled(this.#running).then(() => {
      this.#connections -= 1;
      this.#closing.delete(closed);
    });
    this.#closing.add(closed);
  }

  async #killable<T>(session: ChdbSession, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let running = true;
    let killing = Promise.resolve();
    const killUntilSettled = async () => {
      while (running) {
        await this.#kill(session);
        await delay(KILL_EVERY_MS);
      }
    };
    const onAbort = () => {
      killing = killUntilSettled();
    };
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await work();
    } finally {
      running = false;
      signal.removeEventListener('abort', onAbort);
      await killing; // a late KILL must not hit the session's next statement
    }
  }

  async #kill(session: ChdbSession): Promise<void> {
    const sql = `KILL QUERY WHERE Settings['query_cache_tag'] = ${quoteString(session.name)} ASYNC`;
    const turn = this.#controlTurn.then(() => this.control.query(sql, 'Null'));
    this.#controlTurn = turn.catch(() => {});
    await turn.catch((error: unknown) => this.#log.warn({ err: error }, 'could not kill a statement, trying again'));
  }
}
