import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommitQueue, type Group } from './commit-queue.ts';
import { SealWaiters } from './seal-waiters.ts';
import { SealedSegments } from './sealed-segments.ts';
import {
  openName,
  readSpoolId,
  recoverSegments,
  type Segment,
  sealSegment,
  segmentId,
  syncDirectory,
} from './segment-files.ts';
import { openSegment, type SegmentWriter } from './segment-writer.ts';

/*
 * Lifecycle: start() recovers what a former process left → append() resolves once its rows are on disk (group commit: all
 * appends that arrive during one write share the next, which waits for it unless it is full) → the open file is sealed when large
 * or old enough, and handed to onSealed → the shipper calls release() when it is applied → stop() commits, seals and closes.
 */

/** `full`: the disk budget is used up; try again later. */
export type AppendResult = { kind: 'stored' } | { kind: 'full'; retryAfterSeconds: number };

export type SpoolOptions = {
  directory: string;
  /** Bytes of sealed and open segments on disk beyond which appends are refused. */
  maxBytes: number;
  /** A segment is sealed at this size or age, whichever comes first. */
  segmentBytes?: number;
  segmentAgeMs?: number;
  /** While former segments wait to be applied, this age: few large segments are applied sooner than many small ones. */
  waitingAgeMs?: number;
  /** Called in order for every segment that is ready to be applied. */
  onSealed(segment: Segment): void;
  /** Once each time the disk begins to refuse rows; who sent them is told that they are not stored. */
  onFailing?(error: Error): void;
};

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const DEFAULT_SEGMENT_AGE_MS = 1000;
/** Rows are dated by their segment in the account and in roll-ups, which allow for a minute. */
const DEFAULT_WAITING_AGE_MS = 30_000;
/** What senders are told while the budget is used up. */
export const FULL = { kind: 'full', retryAfterSeconds: 5 } as const satisfies AppendResult;
/** While one group is on its way to the disk, another one that is full need not wait for its turn on the processor. */
const WRITES_AT_ONCE = 2;

/** The disk would not take accepted rows; nothing of the batch was acknowledged. */
export class SpoolWriteError extends Error {
  readonly code = 'spool.write';
  override readonly name = 'SpoolWriteError';
}

/** A row as `append` takes it: a JSON object without its opening brace, which the spool writes with the segment's id. */
export function toSpoolRow(row: Record<string, unknown>): string {
  return JSON.stringify(row).slice(1);
}

/** Accepted rows on disk, in segments, until they are applied. One writer per directory. */
export class Spool {
  readonly #options: Required<Omit<SpoolOptions, 'onFailing'>> & Pick<SpoolOptions, 'onFailing'>;
  #spoolId = '';
  /** The segment that appends go to; the one before it is sealed as soon as all of its own are on disk. */
  #sequence = 0;
  #rowStart = '';
  #open: SegmentWriter | null = null;
  /** Rows on their way to the disk, already written as the segment they will be in. */
  readonly #pending = new CommitQueue<AppendResult>();
  #committing: Promise<void> | null = null;
  /** Of who commits, while there is nothing to do but to wait for the disk or for a full group. */
  #wake: (() => void) | null = null;
  #sealTimer: NodeJS.Timeout | null = null;
  #sealRequested = false;
  readonly #sealers = new SealWaiters();
  readonly #sealed = new SealedSegments();
  #isFailing = false;
  #stopped = false;

  constructor(options: SpoolOptions) {
    this.#options = {
      segmentBytes: DEFAULT_SEGMENT_BYTES,
      segmentAgeMs: DEFAULT_SEGMENT_AGE_MS,
      waitingAgeMs: DEFAULT_WAITING_AGE_MS,
      ...options,
    };
  }

  /** Recovers segments left by a former process; they are returned, oldest first, and count as in doubt. */
  async start(): Promise<Segment[]> {
    this.#spoolId = await readSpoolId(this.#options.directory);
    const left = await recoverSegments(this.#options.directory, this.#spoolId);
    // Starting at the clock keeps ids of released segments from being used again.
    this.#sequence = Math.max(left.at(-1)?.sequence ?? 0, Date.now());
    this.#rotate();
    for (const segment of left) this.#sealed.add(segment);
    return left;
  }

  /** Bytes accepted and not yet released. */
  get bytesOnDisk(): number {
    return this.#sealed.bytes + (this.#open?.stored.bytes ?? 0);
  }

  /** Whether an append would be stored. */
  get hasRoom(): boolean {
    return !this.#stopped && this.bytesOnDisk + this.#pending.bytes < this.#options.maxBytes;
  }

  /** When the oldest segment that is sealed and not yet released was last written to; null when there is none. */
  get oldestSealedMs(): number | null {
    return this.#sealed.all[0]?.writtenAtMs ?? null;
  }

  /** What is accepted and not yet released: each segment, the open one last. */
  waiting(): Pick<Segment, 'id' | 'rows' | 'writtenAtMs'>[] {
    if (this.#open === null) return this.#sealed.all;
    const { rows, writtenAtMs } = this.#open.stored;
    return [...this.#sealed.all, { id: segmentId(this.#spoolId, this.#open.sequence), rows, writtenAtMs }];
  }

  /** Stores rows as `toSpoolRow` writes them. Resolves once they are on disk. Throws SpoolWriteError. */
  append(rows: readonly string[]): Promise<AppendResult> {
    if (rows.length === 0) return Promise.resolve({ kind: 'stored' });
    if (!this.hasRoom) return Promise.resolve(FULL);
    let text = '';
    for (const row of rows) text += `${this.#rowStart}${row}\n`;
    const stored = this.#pending.push(this.#sequence, text, rows.length);
    this.#kick();
    return stored;
  }

  /** Seals what is open so that it can be applied now; resolves when all that was appended before has been handed over. */
  seal(): Promise<void> {
    const handedOver = this.#sealers.wait(this.#sequence);
    this.#sealRequested = true;
    this.#kick();
    return handedOver;
  }

  /** Forgets an applied segment and frees its disk space. */
  async release(segment: Segment): Promise<void> {
    await rm(segment.path, { force: true });
    this.#sealed.remove(segment);
  }

  /** Commits what is pending, seals, closes. Later appends are refused as full. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.seal();
  }

  #kick(): void {
    if (this.#pending.isCrowded) this.#wake?.();
    this.#committing ??= this.#run()
      .catch((error: Error) => {
        // A file that could not be sealed is recovered at the next start; where nobody can be told, the process had better end.
        if (!this.#sealers.fail(error)) throw error;
      })
      .finally(() => {
        this.#committing = null;
        this.#answerSealers();
        if (this.#pending.first !== undefined || this.#sealRequested) this.#kick();
      });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // Appends of this turn of the event loop join the first commit.
    while (this.#pending.first !== undefined || this.#sealRequested || this.#underWay > 0) {
      if (this.#mayBegin()) await this.#begin();
      else if (this.#underWay > 0) await this.#progress();
      if (this.#open === null) this.#sealRequested = false;
      else if (this.#open.sequence === this.#sequence && this.#isDue(this.#open)) {
        this.#sealRequested = false;
        this.#rotate();
      }
      if (this.#underWay === 0 && this.#open !== null && this.#open.sequence !== this.#nextSequence)
        await this.#sealOpen();
    }
  }

  #isDue({ stored }: SegmentWriter): boolean {
    return this.#sealRequested || stored.bytes >= this.#options.segmentBytes;
  }

  #answerSealers(): void {
    this.#sealers.answer(Math.min(this.#open?.sequence ?? Infinity, this.#pending.first?.sequence ?? Infinity));
  }

  get #underWay(): number {
    return this.#open?.underWay ?? 0;
  }

  /** The segment that the next rows on their way to the disk belong to. */
  get #nextSequence(): number {
    return this.#pending.first?.sequence ?? this.#sequence;
  }

  #mayBegin(): boolean {
    if (this.#pending.first === undefined) return false;
    if (this.#open === null || this.#underWay === 0) return true;
    if (this.#open.isTorn || this.#open.sequence !== this.#nextSequence) return false;
    return this.#pending.isCrowded && this.#underWay < WRITES_AT_ONCE;
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Appends go to a new segment from now on. */
  #rotate(): void {
    this.#sequence += 1;
    this.#rowStart = `{"segment":"${segmentId(this.#spoolId, this.#sequence)}",`;
  }

  /** Begins to write the first group; who waits for it is answered when it is on disk. */
  async #begin(): Promise<void> {
    const group = this.#pending.take();
    if (group === undefined) return;
    try {
      const file = await this.#openFile(group.sequence);
      void file.write(group.written(), group.rows).then((failure) => {
        this.#answer(group, failure);
        this.#wake?.();
      });
    } catch (error) {
      this.#answer(group, error as Error);
    }
  }

  #answer(group: Group<AppendResult>, failure: Error | null): void {
    if (failure === null) this.#pending.settle(group, { kind: 'stored' });
    else {
      const cause = { cause: failure };
      this.#pending.fail(group, new SpoolWriteError(`Could not store telemetry in ${this.#options.directory}`, cause));
      if (!this.#isFailing) this.#options.onFailing?.(failure);
    }
    this.#isFailing = failure !== null;
  }

  async #openFile(sequence: number): Promise<SegmentWriter> {
    if (this.#open === null) {
      const file = await openSegment(join(this.#options.directory, openName(sequence)), sequence);
      await syncDirectory(this.#options.directory).catch(async (error: Error) => {
        await file.close();
        throw error;
      });
      this.#open = file;
      this.#sealWhenOld(Date.now());
    }
    return this.#open;
  }

  #sealWhenOld(openedAtMs: number): void {
    const { segmentAgeMs, waitingAgeMs } = this.#options;
    this.#sealTimer = setTimeout(() => {
      if (this.#sealed.size > 0 && Date.now() - openedAtMs < waitingAgeMs) return this.#sealWhenOld(openedAtMs);
      this.#sealRequested = true;
      this.#kick();
    }, segmentAgeMs);
  }

  async #sealOpen(): Promise<void> {
    const file = this.#open;
    if (file === null) return;
    if (this.#sealTimer !== null) clearTimeout(this.#sealTimer);
    this.#open = null;
    await file.close();
    const written = { sequence: file.sequence, ...file.stored };
    const segment = await sealSegment(this.#options.directory, this.#spoolId, written);
    if (segment !== null) {
      this.#sealed.add(segment);
      this.#options.onSealed(segment);
    }
    this.#answerSealers();
  }
}
