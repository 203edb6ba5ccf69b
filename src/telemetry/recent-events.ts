type EventIds = Set<string>;
type Generation = { views: Map<string, EventIds>; events: number };

const empty = (): Generation => ({ views: new Map(), events: 0 });

/**
 * A bounded memory of event ids by view: at least the last `capacity` events, at most twice as many. Two generations that
 * take turns cost a fraction of a cache that keeps an order, and a window needs none.
 */
export class RecentEvents {
  readonly #capacity: number;
  #young = empty();
  #old = empty();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  has(viewId: string, eventId: string): boolean {
    return this.#young.views.get(viewId)?.has(eventId) === true || this.#old.views.get(viewId)?.has(eventId) === true;
  }

  /** Remembers events of one view. */
  add(viewId: string, eventIds: ReadonlySet<string>): void {
    const known = this.#young.views.get(viewId);
    if (known === undefined) this.#young.views.set(viewId, new Set(eventIds));
    else for (const eventId of eventIds) known.add(eventId);
    this.#young.events += eventIds.size;
    if (this.#young.events < this.#capacity) return;
    this.#old = this.#young;
    this.#young = empty();
  }
}
