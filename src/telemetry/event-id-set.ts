/** 64 bits of a (view, event id) pair, as two 32-bit integers. */
export type EventHash = { high: number; low: number };

/** Beyond this share of its slots a table of linear probes gets slow. */
const MAX_LOAD = 0.8;

/**
 * A bounded set of hashed pairs in flat memory: strings in sets, of which each lives for a second, cost a garbage
 * collector more than validation costs. That two of 100,000 pairs share their 64 bits is a matter of one in 10^14 events.
 */
export class EventIdSet {
  readonly capacity: number;
  /** Two words a slot; both 0 in one that is free. */
  readonly #words: Int32Array;
  readonly #mask: number;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#words = new Int32Array(2 * 2 ** Math.ceil(Math.log2(capacity / MAX_LOAD)));
    this.#mask = this.#words.length - 1;
  }

  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  has({ high, low }: EventHash): boolean {
    return !this.#isFree(this.#find(high, low));
  }

  /** False when it is there already. Nothing is added to a full set. */
  add({ high, low }: EventHash): boolean {
    const at = this.#find(high, low);
    if (!this.#isFree(at)) return false;
    if (this.isFull) return true;
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#size += 1;
    return true;
  }

  clear(): void {
    if (this.#size > 0) this.#words.fill(0);
    this.#size = 0;
  }

  /** Where it is, or would be put. */
  #find(high: number, low: number): number {
    for (let at = (low << 1) & this.#mask; ; at = (at + 2) & this.#mask) {
      if ((this.#words[at] === high && this.#words[at + 1] === low) || this.#isFree(at)) return at;
    }
  }

  #isFree(at: number): boolean {
    return this.#words[at] === 0 && this.#words[at + 1] === 0;
  }
}

/** Hashes pairs; views repeat from event to event, so that of the one before is kept. The answer is good until the next call. */
export function createEventHasher(): (viewId: string, eventId: string) => EventHash {
  const view: EventHash = { high: 0, low: 0 };
  const pair: EventHash = { high: 0, low: 0 };
  let lastViewId: string | null = null;
  return (viewId, eventId) => {
    if (viewId !== lastViewId) {
      view.high = HIGH_SEED;
      view.low = LOW_SEED;
      mixIn(view, viewId);
      lastViewId = viewId;
    }
    pair.high = view.high;
    pair.low = view.low;
    mixIn(pair, eventId);
    spread(pair);
    return pair;
  };
}

/** The odd constants of MurmurHash3: x86_128 for the two lanes, fmix32 for the end. */
const HIGH_SEED = 0x239b_961b;
const LOW_SEED = 0x38b3_4ae5;
const HIGH_FACTOR = 0xcc9e_2d51;
const LOW_FACTOR = 0x1b87_3593;

/** Each lane turns by a different number of bits before it takes in the next character, so that they go different ways. */
function mixIn(into: EventHash, text: string): void {
  let { high, low } = into;
  for (let n = 0; n < text.length; n += 1) {
    const unit = text.charCodeAt(n);
    high = Math.imul(((high << 13) | (high >>> 19)) ^ unit, HIGH_FACTOR);
    low = Math.imul(((low << 5) | (low >>> 27)) ^ unit, LOW_FACTOR);
  }
  // Where one text ends and the next begins is part of what is hashed.
  into.high = Math.imul(high ^ text.length, HIGH_FACTOR);
  into.low = Math.imul(low ^ text.length, LOW_FACTOR);
}

/** The low bits choose the slot: every bit of both lanes must bear on them. */
function spread(of: EventHash): void {
  const high = finish(of.high);
  const low = finish(of.low ^ high);
  of.high = (high + low) | 0;
  // Both 0 would be a free slot.
  of.low = low === 0 ? 1 : low;
}

function finish(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
