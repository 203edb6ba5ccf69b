import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommitQueue, type Group } from './commit-queue.ts';
import {
  openName,
  readSpoolId,
  recoverSegments,
  type Segment,
  sealedName,
  segmentId,
  syncDirectory,
} from './segment-files.ts';

/*
 * Lifecycle: start() recovers what a former process left → append() resolves once its rows are on disk (group commit:
 * all appends that arrive during one fdatasync share the next) → the open file is sealed when large or old enough, and
 * handed to onSealed → the shipper calls release() when it is applied → stop() commits, seals and closes.
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
};

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const DEFAULT_SEGMENT_AGE_MS = 1000;
/** Rows are dated by their segment in the account and in roll-ups, which allow for a minute. */
const DEFAULT_WAITING_AGE_MS = 30_000;
const RETRY_AFTER_SECONDS = 5;
/** A write returns when its bytes are on disk, as if fdatasync followed, in one trip to the thread pool instead of two. */
const WRITE_THROUGH = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC;

/** The disk would not take accepted rows; nothing of the batch was acknowledged. */
export class SpoolWriteError extends Error {
  readonly code = 'spool.write';
  override readonly name = 'SpoolWriteError';
}

type OpenFile = { handle: FileHandle; sequence: number; rows: number; bytes: number; writtenAtMs: number };

/** A row as `append` takes it: a JSON object without its opening brace, which the spool writes with the segment's id. */
export function toSpoolRow(row: Record<string, unknown>): string {
  return JSON.stringify(row).slice(1);
}

/** Accepted rows on disk, in segments, until they are applied. One writer per directory. */
export class Spool {
  readonly #options: Required<SpoolOptions>;
  #spoolId = '';
  /** The segment that appends go to; the one before it is sealed as soon as all of its own are on disk. */
  #sequence = 0;
  #rowStart = '';
  #open: OpenFile | null = null;
  /** Rows on their way to the disk, already written as the segment they will be in. */
  readonly #pending = new CommitQueue<AppendResult>();
  #committing: Promise<void> | null = null;
  #sealTimer: NodeJS.Timeout | null = null;
  #sealRequested = false;
  /** Sealed and not yet released, by id. */
  readonly #sealed = new Map<string, Segment>();
  #sealedBytes = 0;
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
    this.#sealedBytes = left.reduce((sum, segment) => sum + segment.bytes, 0);
    for (const segment of left) this.#sealed.set(segment.id, segment);
    return left;
  }

  /** Bytes accepted and not yet released. */
  get bytesOnDisk(): number {
    return this.#sealedBytes + (this.#open?.bytes ?? 0);
  }

  /** When the oldest segment that is sealed and not yet released was last written to; null when there is none. */
  get oldestSealedMs(): number | null {
    for (const { writtenAtMs } of this.#sealed.values()) return writtenAtMs;
    return null;
  }

  /** What is accepted and not yet released: each segment, the open one last. */
  waiting(): Pick<Segment, 'id' | 'rows' | 'writtenAtMs'>[] {
    const sealed = [...this.#sealed.values()];
    if (this.#open === null) return sealed;
    const { sequence, rows, writtenAtMs } = this.#open;
    return [...sealed, { id: segmentId(this.#spoolId, sequence), rows, writtenAtMs }];
  }

  /** Stores rows as `toSpoolRow` writes them. Resolves once they are on disk. Throws SpoolWriteError. */
  append(rows: readonly string[]): Promise<AppendResult> {
    if (rows.length === 0) return Promise.resolve({ kind: 'stored' });
    if (this.#stopped || this.bytesOnDisk + this.#pending.bytes >= this.#options.maxBytes) {
      return Promise.resolve({ kind: 'full', retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    let text = '';
    for (const row of rows) text += `${this.#rowStart}${row}\n`;
    const stored = this.#pending.push(this.#sequence, text, rows.length);
    this.#kick();
    return stored;
  }

  /** Seals what is open so that it can be applied now; resolves when it has been handed over. */
  async seal(): Promise<void> {
    this.#sealRequested = true;
    this.#kick();
    while (this.#committing !== null) await this.#committing;
  }

  /** Forgets an applied segment and frees its disk space. */
  async release(segment: Segment): Promise<void> {
    await rm(segment.path, { force: true });
    if (this.#sealed.delete(segment.id)) this.#sealedBytes -= segment.bytes;
  }

  /** Commits what is pending, seals, closes. Later appends are refused as full. */
  async stop(): Promise<void> {
    await this.seal();
    this.#stopped = true;
    await this.seal();
  }

  #kick(): void {
    this.#committing ??= this.#run().finally(() => {
      this.#committing = null;
      if (this.#pending.first !== undefined || this.#sealRequested) this.#kick();
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // Appends of this turn of the event loop join the first commit.
    while (this.#pending.first !== undefined || this.#sealRequested) {
      const group = this.#pending.take();
      if (group !== undefined) await this.#commit(group);
      if (this.#open === null) this.#sealRequested = false;
      else if (this.#sealRequested || this.#open.bytes >= this.#options.segmentBytes) {
        this.#sealRequested = false;
        if (this.#open.sequence === this.#sequence) this.#rotate();
      }
      if (this.#open !== null && this.#open.sequence !== (this.#pending.first?.sequence ?? this.#sequence))
        await this.#sealOpen();
    }
  }

  /** Appends go to a new segment from now on. */
  #rotate(): void {
    this.#sequence += 1;
    this.#rowStart = `{"segment":"${segmentId(this.#spoolId, this.#sequence)}",`;
  }

  async #commit(group: Group<AppendResult>): Promise<void> {
    try {
      const file = await this.#openFile(group.sequence);
      await this.#write(file, group.written());
      file.rows += group.rows;
      file.bytes += group.bytes;
      file.writtenAtMs = Date.now();
      this.#pending.settle(group, { kind: 'stored' });
    } catch (cause) {
      const error = new SpoolWriteError(`Could not store telemetry in ${this.#options.directory}`, { cause });
      this.#pending.fail(group, error);
    }
  }

  /** Either all of `bytes` are on disk, or none: a failed write is cut off again. */
  async #write(file: OpenFile, bytes: Buffer): Promise<void> {
    try {
      let written = 0;
      while (written < bytes.length) {
        written += (await file.handle.write(bytes, written, bytes.length - written, file.bytes + written)).bytesWritten;
      }
    } catch (error) {
      await file.handle.truncate(file.bytes);
      throw error;
    }
  }

  async #openFile(sequence: number): Promise<OpenFile> {
    if (this.#open === null) {
      // A file that is there already holds nothing that was acknowledged: opening it failed half-way before.
      const handle = await open(join(this.#options.directory, openName(sequence)), WRITE_THROUGH);
      await syncDirectory(this.#options.directory).catch(async (error: Error) => {
        await handle.close();
        throw error;
      });
      this.#open = { handle, sequence, rows: 0, bytes: 0, writtenAtMs: Date.now() };
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
    await file.handle.close();
    const from = join(this.#options.directory, openName(file.sequence));
    if (file.rows === 0) return rm(from, { force: true });
    const path = join(this.#options.directory, sealedName(file.sequence, file.rows));
    await rename(from, path);
    const { sequence, rows, bytes, writtenAtMs } = file;
    const segment = { id: segmentId(this.#spoolId, sequence), sequence, rows, bytes, path, writtenAtMs };
    this.#sealed.set(segment.id, segment);
    this.#sealedBytes += bytes;
    this.#options.onSealed(segment);
  }
}
