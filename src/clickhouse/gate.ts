import { ClickHouseException } from './clickhouse-exception.ts';

type Waiting = { start: () => void };

/** Lets `width` through at a time, in order of arrival, and keeps at most `maxWaiting` waiting. */
export class Gate {
  readonly #width: number;
  readonly #maxWaiting: number;
  readonly #waiting: Waiting[] = [];
  #inside = 0;

  constructor(width: number, maxWaiting: number) {
    this.#width = width;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs `work` when its turn comes. Throws 202 when too many wait, and the signal's reason when it aborts first. */
  async pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      this.#waiting.shift()?.start();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#width) {
      this.#inside += 1;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      const message = `Too many simultaneous queries: ${this.#inside} run, ${this.#waiting.length} wait`;
      throw new ClickHouseException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);
    }
    await new Promise<void>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const waiting = {
        start: () => {
          signal.removeEventListener('abort', giveUp);
          this.#inside += 1;
          resolve();
        },
      };
      this.#waiting.push(waiting);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
