import type { FeedEvent } from './feed-protocol.ts';

const EVENTS_PER_TOPIC = 200;
const MAX_TOPICS = 10_000;

/** What a returning client missed; `complete` is false where older events have been dropped. */
export type Missed = { events: FeedEvent[]; complete: boolean };

/** The last events of each topic, bounded: the oldest events go first, then the topic longest without any. */
export class FeedHistory {
  readonly #topics = new Map<string, FeedEvent[]>();
  /** Ids begin at the clock, so that those of a former process are always smaller. */
  readonly #firstId: number;

  constructor(nowMs: number) {
    this.#firstId = nowMs;
  }

  add(topic: string, type: string, data: unknown, nowMs: number): FeedEvent {
    const events = this.#topics.get(topic) ?? [];
    const event = {
      topic,
      id: (events.at(-1)?.id ?? this.#firstId) + 1,
      ts: new Date(nowMs).toISOString(),
      type,
      data,
    };
    this.#topics.delete(topic);
    this.#topics.set(topic, [...events.slice(1 - EVENTS_PER_TOPIC), event]);
    const oldest = this.#topics.keys().next().value;
    if (this.#topics.size > MAX_TOPICS && oldest !== undefined) this.#topics.delete(oldest);
    return event;
  }

  since(topic: string, afterId: number): Missed {
    const events = this.#topics.get(topic) ?? [];
    const missed = events.filter((event) => event.id > afterId);
    const before = events.length - missed.length;
    return {
      events: missed,
      complete: afterId <= (events.at(-1)?.id ?? -1) && (before > 0 || afterId === (events[0]?.id ?? 0) - 1),
    };
  }
}
