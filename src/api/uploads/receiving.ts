import type { Readable } from 'node:stream';

// Lifecycle: a Receiving watches one request's body from its headers until its last byte, the end of its connection, or
// close(), whichever is first. It only listens: who reads the body, and how fast, stays the reader's business.

/** What one or several bodies added up to. */
export type Received = {
  bytes: number;
  /** From the first header to the last byte, stalls left out. */
  elapsedMs: number;
  stallCount: number;
  stalledMs: number;
};

/** Longer than two lost packets in a row take to be sent again (RFC 6298: 1 s, then 2 s): the line is not slow, it stands. */
export const STALLED_AFTER_MS = 2_500;

type Events = {
  /** More bytes came. */
  onBytes(): void;
  /** Nothing more will; not called after close(). */
  onEnd(): void;
};

/** One request body as it comes in. */
export class Receiving {
  readonly #nowMs: () => number;
  readonly #events: Events;
  readonly #stopListening: () => void;
  readonly #beganAtMs: number;
  #bytes = 0;
  #lastByteAtMs: number;
  #stallCount = 0;
  #stalledMs = 0;
  /** Since when a byte could have come; a reader who is busy is no stall of the sender's. */
  #waitingSinceMs: number | null = null;
  #isOpen = true;
  #isWhole = false;

  constructor(body: Readable, events: Events, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#events = events;
    this.#beganAtMs = this.#lastByteAtMs = nowMs();
    // A listener alone would set the body flowing before its reader is there.
    body.pause();
    const listeners = {
      resume: () => this.#resumed(),
      data: (bytes: Buffer) => this.#received(bytes.length),
      end: () => this.#ended(true),
      close: () => this.#ended(false),
    };
    for (const [name, listener] of Object.entries(listeners)) body.on(name, listener);
    this.#stopListening = () => {
      for (const [name, listener] of Object.entries(listeners)) body.off(name, listener);
    };
  }

  /** Whether every byte of the body came. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get received(): Received {
    return {
      bytes: this.#bytes,
      elapsedMs: this.#lastByteAtMs - this.#beganAtMs - this.#stalledMs,
      stallCount: this.#stallCount,
      stalledMs: this.#stalledMs,
    };
  }

  /** Whoever read the body has all of it. */
  close(): void {
    this.#isWhole ||= this.#isOpen;
    this.#shut();
  }

  #resumed(): void {
    this.#waitingSinceMs = this.#nowMs();
  }

  #received(bytes: number): void {
    this.#noteStall();
    this.#bytes += bytes;
    this.#lastByteAtMs = this.#waitingSinceMs = this.#nowMs();
    this.#events.onBytes();
  }

  #ended(isWhole: boolean): void {
    if (!this.#isOpen) return;
    this.#isWhole = isWhole;
    // A connection that broke is most often noticed long after its last byte.
    if (!isWhole) this.#noteStall();
    this.#shut();
    this.#events.onEnd();
  }

  #noteStall(): void {
    if (this.#waitingSinceMs === null) return;
    const nowMs = this.#nowMs();
    const waitedMs = nowMs - this.#waitingSinceMs;
    if (waitedMs < STALLED_AFTER_MS) return;
    this.#stallCount += 1;
    this.#stalledMs += waitedMs;
    this.#lastByteAtMs = nowMs;
  }

  #shut(): void {
    this.#isOpen = false;
    this.#stopListening();
  }
}
