/*
 * Lifecycle: push() writes rows into the last group, or into a new one where that is of another segment, full or being written →
 * take() hands over the first → settle() or fail() answers all who wait for it, and its memory is used again.
 */

/** Rows of one segment that go to the disk together. */
export type Group<Result> = {
  readonly sequence: number;
  rows: number;
  bytes: number;
  /** What goes to the disk; valid until the group is settled. */
  written(): Buffer;
  readonly memory: Buffer;
  readonly waiting: { resolve(result: Result): void; reject(error: Error): void }[];
};

/** Of a group, unless one append alone is larger. Senders that wait for one large group would leave the processor idle meanwhile. */
const GROUP_BYTES = 256 * 1024;
/** Two are being written at most while the next ones fill. */
const KEPT_MEMORIES = 4;
/** A UTF-16 unit takes at most this much in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** Rows that wait for the disk, in the order in which they came. Memory is used again and again: a buffer an append would cost more than its rows. */
export class CommitQueue<Result> {
  readonly #groups: Group<Result>[] = [];
  readonly #memories: Buffer[] = [];
  #bytes = 0;

  /** Of all that is not settled. */
  get bytes(): number {
    return this.#bytes;
  }

  get first(): Group<Result> | undefined {
    return this.#groups[0];
  }

  /** The first group is full: another one fills behind it. */
  get isCrowded(): boolean {
    return this.#groups.length > 1;
  }

  /** Adds `rows` lines; answers what their group is settled with. */
  push(sequence: number, text: string, rows: number): Promise<Result> {
    const group = this.#roomFor(sequence, text.length * MAX_BYTES_PER_UNIT);
    const bytes = group.memory.write(text, group.bytes);
    group.bytes += bytes;
    group.rows += rows;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => group.waiting.push({ resolve, reject }));
  }

  /** The first group, to which nothing is added any more. */
  take(): Group<Result> | undefined {
    return this.#groups.shift();
  }

  settle(group: Group<Result>, result: Result): void {
    this.#release(group);
    for (const { resolve } of group.waiting) resolve(result);
  }

  fail(group: Group<Result>, error: Error): void {
    this.#release(group);
    for (const { reject } of group.waiting) reject(error);
  }

  #roomFor(sequence: number, bytes: number): Group<Result> {
    const last = this.#groups.at(-1);
    if (last !== undefined && last.sequence === sequence && last.bytes + bytes <= last.memory.length) return last;
    const isUsual = bytes <= GROUP_BYTES;
    const memory =
      (isUsual ? this.#memories.pop() : undefined) ?? Buffer.allocUnsafeSlow(isUsual ? GROUP_BYTES : bytes);
    const group: Group<Result> = {
      sequence,
      rows: 0,
      bytes: 0,
      memory,
      waiting: [],
      written: () => memory.subarray(0, group.bytes),
    };
    this.#groups.push(group);
    return group;
  }

  #release({ memory, bytes }: Group<Result>): void {
    this.#bytes -= bytes;
    if (memory.length === GROUP_BYTES && this.#memories.length < KEPT_MEMORIES) this.#memories.push(memory);
  }
}
