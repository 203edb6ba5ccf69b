import { LRUCache } from 'lru-cache';
import { type Clock, type Decision, decisionSchema } from '../domain/index.ts';
import { decisionWriter } from './decision-writer.ts';

/*
 * The first decision of a (session, asset) stands for 24 h. It is looked for in memory, then Redis, then ClickHouse, and
 * each of them may be away: the arm is drawn from the same secret and ids, so a decision that cannot be found is most
 * likely made again as it was.
 */

/** How long a decision stands, and how long Redis must have been listening before its silence counts as a no. */
export const STANDING_MS = 24 * 3_600_000;
/** Redis remembers longer than that, so that the next view of the pair gets the next generation. */
const SHARED_TTL_MS = 2 * STANDING_MS;
/** 0.5 kB each where they were decided here, some 2 kB where they were read; what is forgotten here is in Redis. */
const MEMORY_ENTRIES = 30_000;
/** A part that did not answer is not asked again for this long: one view waits for its time-out, not every view. */
const COOL_DOWN_MS = 2_000;
/** How long it is believed that the log knows nothing of the time before Redis: what is still spooled then comes to be known. */
const BELIEVED_MS = 60_000;

export type Pair = { sessionId: string; assetId: string };

/** Redis as far as standing decisions need it; all of it may reject when Redis is away. */
export type SharedDecisions = {
  /** For each key its value, and since when (ms) the whole keyspace has been complete; 0 since for ever. */
  read(keys: readonly string[]): Promise<{ values: (string | null)[]; completeSinceMs: number }>;
  /** Stores each value unless its key exists; answers what stands: null where ours was stored. */
  claim(entries: readonly { key: string; value: string; ttlMs: number }[]): Promise<(string | null)[]>;
  /** Removes every key of a session or of an asset. */
  forget(whose: DecisionsOf): Promise<void>;
};

/** All decisions of one session, or about one asset. */
export type DecisionsOf = { sessionId: string } | { assetId: string };

export type StandingPorts = {
  shared: SharedDecisions;
  /** The logged decisions of these pairs, whatever their age. */
  logged(pairs: readonly Pair[]): Promise<Decision[]>;
  /** Whether any decision was logged before this moment (ms). */
  isAnyLoggedBefore(beforeMs: number): Promise<boolean>;
  clock: Clock;
  onUnavailable(part: 'redis' | 'clickhouse', error: Error): void;
};

/** What is known of a pair: a decision that stands, or the generation that a new one would get. */
export type Standing = { kind: 'stands'; decision: Decision } | { kind: 'free'; generation: number };

const keyOf = ({ sessionId, assetId }: Pair): string => `${sessionId}\n${assetId}`;
const sharedKeyOf = (pair: Pair, generation: number): string => `${keyOf(pair)}\n${generation}`;

/** Decisions that already stand, over memory, Redis and ClickHouse. */
export class StandingDecisions {
  readonly #ports: StandingPorts;
  readonly #askAgainAtMs = { redis: 0, clickhouse: 0 };
  #nothingBefore = { completeSinceMs: Number.NaN, untilMs: 0 };
  readonly #memory = new LRUCache<string, Decision>({ max: MEMORY_ENTRIES });
  readonly #textOf = decisionWriter();

  constructor(ports: StandingPorts) {
    this.#ports = ports;
  }

  /** The decision that telemetry without a token belongs to, as far as this process remembers it. */
  remembered(pair: Pair): Decision | undefined {
    return this.#memory.get(keyOf(pair));
  }

  /** One Standing per pair, in order. Never throws. */
  async find(pairs: readonly Pair[]): Promise<Standing[]> {
    const unknown = pairs.filter((pair) => !this.#stands(this.#memory.get(keyOf(pair))));
    if (unknown.length > 0) {
      const missing = await this.#readShared(unknown, 0);
      if (missing.length > 0) await this.#readLogged(missing);
    }
    return pairs.map((pair) => {
      const known = this.#memory.get(keyOf(pair));
      if (known === undefined) return { kind: 'free', generation: 0 };
      return this.#stands(known)
        ? { kind: 'stands', decision: known }
        : { kind: 'free', generation: known.generation + 1 };
    });
  }

  /** Makes new decisions stand. Where another host was first, its decision is answered instead. Never throws. */
  async claim(decisions: readonly Decision[]): Promise<Decision[]> {
    const entries = decisions.map((decision) => ({
      key: sharedKeyOf(decision, decision.generation),
      value: this.#textOf(decision),
      ttlMs: SHARED_TTL_MS,
    }));
    const standing = await this.#ask('redis', [], () => this.#ports.shared.claim(entries));
    return decisions.map((decision, index) => {
      const first = parseDecision(standing[index]) ?? decision;
      this.#remember(first);
      return first;
    });
  }

  /**
   * Forgets decisions here and in Redis, so that none of them is found again; other API processes remember theirs for a day at most.
   * Throws when Redis is away.
   */
  async forget(whose: DecisionsOf): Promise<void> {
    const isTheirs = (decision: Decision): boolean =>
      'sessionId' in whose ? decision.sessionId === whose.sessionId : decision.assetId === whose.assetId;
    for (const [key, decision] of [...this.#memory.entries()]) if (isTheirs(decision)) this.#memory.delete(key);
    await this.#ports.shared.forget(whose);
  }

  #stands(decision: Decision | null | undefined): boolean {
    return decision != null && this.#ports.clock.nowMs() - Date.parse(decision.decidedAt) < STANDING_MS;
  }

  #remember(decision: Decision): void {
    const key = keyOf(decision);
    const known = this.#memory.get(key);
    if (known === undefined || known.generation < decision.generation) this.#memory.set(key, decision);
  }

  /** Answers the pairs that ClickHouse has to be asked about. An expired decision leads on to its successor. */
  async #readShared(pairs: readonly Pair[], generation: number): Promise<readonly Pair[]> {
    const keys = pairs.map((pair) => sharedKeyOf(pair, generation));
    const answer = await this.#ask('redis', null, () => this.#ports.shared.read(keys));
    if (answer === null) return generation === 0 ? pairs : [];
    const decisions = answer.values.map(parseDecision);
    for (const decision of decisions) if (decision !== null) this.#remember(decision);
    const expired = pairs.filter((_, index) => decisions[index] != null && !this.#stands(decisions[index]));
    if (expired.length > 0) await this.#readShared(expired, generation + 1);
    const missing = pairs.filter((_, index) => decisions[index] === null);
    if (generation > 0 || missing.length === 0 || (await this.#isComplete(answer.completeSinceMs))) return [];
    return missing;
  }

  /** Whether Redis knows all that stands: it was there long enough, or before it there was nothing, as on a new service. */
  async #isComplete(completeSinceMs: number): Promise<boolean> {
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs - completeSinceMs >= STANDING_MS) return true;
    const known = this.#nothingBefore;
    if (known.completeSinceMs === completeSinceMs && nowMs < known.untilMs) return true;
    if (await this.#ask('clickhouse', true, () => this.#ports.isAnyLoggedBefore(completeSinceMs))) return false;
    this.#nothingBefore = { completeSinceMs, untilMs: nowMs + BELIEVED_MS };
    return true;
  }

  async #readLogged(pairs: readonly Pair[]): Promise<void> {
    const decisions = await this.#ask('clickhouse', [], () => this.#ports.logged(pairs));
    for (const decision of decisions) this.#remember(decision);
  }

  /** What a part answers, or `otherwise` while it is away. */
  async #ask<T>(part: 'redis' | 'clickhouse', otherwise: T, question: () => Promise<T>): Promise<T> {
    if (this.#ports.clock.nowMs() < this.#askAgainAtMs[part]) return otherwise;
    try {
      return await question();
    } catch (error) {
      this.#askAgainAtMs[part] = this.#ports.clock.nowMs() + COOL_DOWN_MS;
      this.#ports.onUnavailable(part, error as Error);
      return otherwise;
    }
  }
}

function parseDecision(value: string | null | undefined): Decision | null {
  if (value === null || value === undefined) return null;
  try {
    return decisionSchema.parse(JSON.parse(value));
  } catch {
    return null;
  }
}
