// Lifecycle: made once per process; a timer runs only while somebody waits. Bytes are paid for after they were read, so
// nobody needs to know a body's size, and the debt of one read (64 KiB at most) is all that is ever ahead of the rate.

/** What the share asks of its surroundings. */
export type FairShareOptions = {
  /** What may be read now, over all parties; asked again whenever there is something to give. */
  bytesPerSecond(): number;
  /** A clock that never jumps. */
  monotonicMs(): number;
  /** Calls once, later. */
  callLater(call: () => void, delayMs: number): void;
};

type Waiting = { startTag: number; bytes: number; go(): void };

/** What an idle line may give at once: long enough for a timer to be late, too short to fill the queue of a router. */
const BURST_MS = 25;
const MIN_WAKE_MS = 2;
/** Parties whose past is remembered before those that owe nothing are forgotten. */
const MAX_PARTIES = 1_000;

/**
 * One line shared by parties in max-min fairness: who wants less than an equal part gets all of it, the rest is divided equally.
 * Start-time fair queueing (Goyal, Vin, Cheng 1996): each read is tagged with the sum its party had read when it came, and the
 * least tag goes next. A party with many connections has one share.
 */
export class FairShare {
  readonly #options: FairShareOptions;
  readonly #finishTags = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #virtualTime = 0;
  #creditBytes = 0;
  #creditAtMs: number;
  #timerIsSet = false;

  constructor(options: FairShareOptions) {
    this.#options = options;
    this.#creditAtMs = options.monotonicMs();
  }

  /** Accounts for bytes that were read; resolves when their party may read on. */
  pay(party: string, bytes: number): Promise<void> {
    const startTag = Math.max(this.#virtualTime, this.#finishTags.get(party) ?? 0);
    this.#finishTags.set(party, startTag + bytes);
    return new Promise((go) => {
      this.#waiting.push({ startTag, bytes, go });
      this.#serve();
    });
  }

  #serve(): void {
    this.#earn();
    while (this.#creditBytes > 0) {
      const next = this.#takeLeast();
      if (next === null) return this.#forgetIdle();
      this.#virtualTime = next.startTag;
      this.#creditBytes -= next.bytes;
      next.go();
    }
    this.#wakeWhenPaid();
  }

  #earn(): void {
    const nowMs = this.#options.monotonicMs();
    const bytesPerMs = this.#options.bytesPerSecond() / 1000;
    const earned = (nowMs - this.#creditAtMs) * bytesPerMs;
    this.#creditAtMs = nowMs;
    this.#creditBytes = Math.min(this.#creditBytes + earned, BURST_MS * bytesPerMs);
  }

  /** Few wait at a time, one for each body that is arriving. */
  #takeLeast(): Waiting | null {
    let least = 0;
    this.#waiting.forEach(({ startTag }, index) => {
      if (startTag < (this.#waiting[least]?.startTag ?? Number.POSITIVE_INFINITY)) least = index;
    });
    return this.#waiting.splice(least, 1)[0] ?? null;
  }

  #wakeWhenPaid(): void {
    if (this.#timerIsSet || this.#waiting.length === 0) return;
    this.#timerIsSet = true;
    const dueMs = (-this.#creditBytes / this.#options.bytesPerSecond()) * 1000;
    this.#options.callLater(
      () => {
        this.#timerIsSet = false;
        this.#serve();
      },
      Math.max(MIN_WAKE_MS, Math.ceil(dueMs)),
    );
  }

  #forgetIdle(): void {
    if (this.#finishTags.size <= MAX_PARTIES) return;
    for (const [party, finishTag] of this.#finishTags) {
      if (finishTag <= this.#virtualTime) this.#finishTags.delete(party);
    }
  }
}
