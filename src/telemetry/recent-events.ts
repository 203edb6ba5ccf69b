import { createEventHasher, EventIdSet } from './event-id-set.ts';

/** Events of one batch that nobody had reported before; remembered once they are stored. */
export type FreshEvents = number[];

/** Repeats within a batch of more events than this are left to the outcome fold. */
const LARGEST_BATCH = 1_500;

/**
 * A bounded memory of event ids by view: at least the last `capacity` events, at most twice as many. Two generations take turns,
 * and what was not stored is not remembered.
 */
export class RecentEvents {
  readonly #batch = new EventIdSet(LARGEST_BATCH);
  readonly #hash = createEventHasher();
  #young: EventIdSet;
  #old: EventIdSet;

  constructor(capacity: number) {
    this.#young = new EventIdSet(capacity);
    this.#old = new EventIdSet(capacity);
  }

  /** Begins a batch, whose events are looked at without a pause. */
  begin(): FreshEvents {
    this.#batch.clear();
    return [];
  }

  /** Whether an event has been stored lately or stands in the batch already; otherwise it is added to the batch. */
  isRepeat(batch: FreshEvents, viewId: string, eventId: string): boolean {
    const hash = this.#hash(viewId, eventId);
    if (this.#young.has(hash) || this.#old.has(hash) || !this.#batch.add(hash)) return true;
    batch.push(hash.high, hash.low);
    return false;
  }

  /** Remembers a batch that is stored. */
  remember(batch: FreshEvents): void {
    for (let n = 0; n < batch.length; n += 2) {
      this.#young.add({ high: batch[n] ?? 0, low: batch[n + 1] ?? 0 });
      if (!this.#young.isFull) continue;
      [this.#young, this.#old] = [this.#old, this.#young];
      this.#young.clear();
    }
  }
}
