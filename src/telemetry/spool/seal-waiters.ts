/** Who waits until all segments up to one are handed over. */
export class SealWaiters {
  #waiters: { upTo: number; resolve(): void; reject(error: Error): void }[] = [];

  wait(upTo: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ upTo, resolve, reject }));
  }

  /** All segments before `oldest` are handed over; Infinity when none is left. */
  answer(oldest: number): void {
    for (const { upTo, resolve } of this.#waiters) if (upTo < oldest) resolve();
    this.#waiters = this.#waiters.filter(({ upTo }) => upTo >= oldest);
  }

  /** False when nobody waits who could be told. */
  fail(error: Error): boolean {
    const told = this.#waiters;
    this.#waiters = [];
    for (const { reject } of told) reject(error);
    return told.length > 0;
  }
}
