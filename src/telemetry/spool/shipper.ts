import type { Database } from '../database.ts';
import { buryRows, type DeadRow, insertAround, isPermanent } from './dead-rows.ts';
import type { Segment } from './segment-files.ts';

/*
 * Lifecycle: start(left over segments) → enqueue(segment) for each sealed one → once `ready`, segments are applied one at a
 * time, in order, each when it need not stand back any more, retried with back-off for as long as the database is away →
 * settle() waits for the queue to empty, and nothing stands back meanwhile → stop().
 */

/** What happened to a segment; `dead-lettered` when some of its rows were put aside, the rest being applied. */
export type Shipped =
  | { kind: 'applied' | 'already-there'; segment: Segment }
  | { kind: 'dead-lettered'; segment: Segment; deadRows: number; reason: string };

/**
 * Accepting comes before applying where both want the same processors: a segment waits while the process is busy, but not
 * once it is `maxAgeMs` old, nor while more than `maxBytes` wait.
 */
export type StandBack = { isBusy(): boolean; nowMs(): number; maxAgeMs: number; maxBytes: number };

export type ShipperOptions = {
  database: Pick<Database, 'query' | 'command' | 'insertFile'>;
  table: string;
  /** The table has all the columns that rows may have: a server drops what it has no column for, and says nothing. Default: it has. */
  ready?: Promise<unknown>;
  /** Default: never. */
  standBack?: StandBack;
  /** Where rows go that the database will never take. */
  deadDirectory: string;
  /** Brings derived rows up to date; runs after the segment's rows, but for `deadRows` of them, are there. Must be repeatable. */
  afterApply(segment: Segment, deadRows: number): Promise<void>;
  /** Frees the segment's disk space. */
  release(segment: Segment): Promise<void>;
  onShipped?(result: Shipped): void;
  /** Each failed attempt, which will be repeated. */
  onRetry?(segment: Segment, error: Error): void;
  firstRetryMs?: number;
  lastRetryMs?: number;
};

const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;
const STILL_RUNNING_POLL_MS = 200;
const BUSY_POLL_MS = 100;

/** Applies spool segments to one table exactly once. */
export class Shipper {
  readonly #options: Required<Omit<ShipperOptions, 'ready' | 'standBack' | 'onShipped' | 'onRetry'>> &
    Pick<ShipperOptions, 'ready' | 'standBack' | 'onShipped' | 'onRetry'>;
  #queue: { segment: Segment; inDoubt: boolean }[] = [];
  #working: Promise<void> | null = null;
  #isReady = false;
  #queuedBytes = 0;
  /** Who waits for the queue to empty. */
  #settling = 0;
  #stopped = false;
  #sayStopping = (): void => {};
  readonly #stopping = new Promise<void>((resolve) => {
    this.#sayStopping = resolve;
  });
  #wake: (() => void) | null = null;

  constructor(options: ShipperOptions) {
    this.#options = { firstRetryMs: FIRST_RETRY_MS, lastRetryMs: LAST_RETRY_MS, ...options };
  }

  /** Segments of a former process may or may not have been applied: they are asked about first. */
  start(leftOver: readonly Segment[]): void {
    for (const segment of leftOver) this.#push(segment, true);
  }

  enqueue(segment: Segment): void {
    this.#push(segment, false);
  }

  /** Segments waiting or being applied. */
  get backlog(): number {
    return this.#queue.length;
  }

  /** Resolves with true when nothing waits any more, false after `timeoutMs`. */
  async settle(timeoutMs: number): Promise<boolean> {
    if (this.#working === null) return true;
    this.#settling += 1;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const settled = this.#working.then(() => this.#queue.length === 0);
    return Promise.race([settled, timeout]).finally(() => {
      this.#settling -= 1;
      clearTimeout(timer);
    });
  }

  /** Stops after the attempt that is under way; what is left stays on disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sayStopping();
    this.#wake?.();
    await this.#working;
  }

  #push(segment: Segment, inDoubt: boolean): void {
    this.#queue.push({ segment, inDoubt });
    this.#queuedBytes += segment.bytes;
    this.#working ??= this.#run().finally(() => {
      this.#working = null;
    });
  }

  async #run(): Promise<void> {
    if (!this.#isReady) await Promise.race([this.#options.ready, this.#stopping]);
    this.#isReady = true;
    for (let next = this.#queue[0]; next !== undefined && !this.#stopped; next = this.#queue[0]) {
      while (this.#standsBack(next.segment)) await this.#pause(BUSY_POLL_MS);
      const shipped = await this.#shipWithRetries(next.segment, next.inDoubt);
      if (shipped === null) return;
      this.#queue.shift();
      this.#queuedBytes -= next.segment.bytes;
      this.#options.onShipped?.(shipped);
    }
  }

  #standsBack({ writtenAtMs }: Segment): boolean {
    const { standBack } = this.#options;
    if (standBack === undefined || this.#stopped || this.#settling > 0) return false;
    if (this.#queuedBytes > standBack.maxBytes || standBack.nowMs() - writtenAtMs >= standBack.maxAgeMs) return false;
    return standBack.isBusy();
  }

  async #shipWithRetries(segment: Segment, firstInDoubt: boolean): Promise<Shipped | null> {
    let inDoubt = firstInDoubt;
    for (
      let delayMs = this.#options.firstRetryMs;
      !this.#stopped;
      delayMs = Math.min(delayMs * 2, this.#options.lastRetryMs)
    ) {
      try {
        return await this.#ship(segment, inDoubt);
      } catch (error) {
        inDoubt = true; // The statement may still have gone through.
        this.#options.onRetry?.(segment, error as Error);
        await this.#pause(delayMs);
      }
    }
    return null;
  }

  async #ship(segment: Segment, inDoubt: boolean): Promise<Shipped> {
    const there = inDoubt ? await this.#rowsThere(segment) : 0;
    if (there !== 0 && there !== segment.rows) await this.#removeRows(segment);
    const dead = there === segment.rows ? [] : await this.#insert(segment);
    if (dead[0] !== undefined) await buryRows(this.#options.deadDirectory, segment, dead);
    await this.#options.afterApply(segment, dead.length);
    await this.#options.release(segment);
    if (dead[0] !== undefined) return { kind: 'dead-lettered', segment, deadRows: dead.length, reason: dead[0].reason };
    return { kind: there === segment.rows ? 'already-there' : 'applied', segment };
  }

  /** Inserts the segment, or all of it but the rows the database will never take, which are answered. */
  async #insert(segment: Segment): Promise<DeadRow[]> {
    const { database, table } = this.#options;
    try {
      await database.insertFile(table, segment.path, segment.id);
      return [];
    } catch (error) {
      if (!isPermanent(error)) throw error;
    }
    // What stood before the first bad row may have gone in.
    await this.#removeRows(segment);
    const insert = (path: string): Promise<void> => database.insertFile(table, path, segment.id);
    return insertAround(segment, insert);
  }

  async #removeRows(segment: Segment): Promise<void> {
    const { database, table } = this.#options;
    await database.command(`DELETE FROM ${table} WHERE segment = {segment:String} SETTINGS mutations_sync = 2`, {
      segment: segment.id,
    });
  }

  /** How many of the segment's rows the table has, once no statement about the segment is running any more. */
  async #rowsThere(segment: Segment): Promise<number> {
    const { database, table } = this.#options;
    for (;;) {
      const running = await database.query<{ running: number }>(
        "SELECT count() AS running FROM system.processes WHERE Settings['log_comment'] = {segment:String}",
        { segment: segment.id },
      );
      if ((running[0]?.running ?? 0) === 0) break;
      await this.#pause(STILL_RUNNING_POLL_MS);
      if (this.#stopped) throw new Error('stopped while a statement was still running');
    }
    const rows = await database.query<{ there: number }>(
      `SELECT count() AS there FROM ${table} WHERE segment = {segment:String}`,
      {
        segment: segment.id,
      },
    );
    return rows[0]?.there ?? 0;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }
}
