import type { Logger } from 'pino';

/** Asks at most once in `everyMs`; a failed answer is not kept. */
export function rememberFor<T>(everyMs: number, nowMs: () => number, ask: () => Promise<T>): () => Promise<T> {
  let known: { answer: Promise<T>; atMs: number } | null = null;
  return () => {
    if (known === null || nowMs() - known.atMs >= everyMs) {
      const asked = { answer: ask(), atMs: nowMs() };
      known = asked;
      asked.answer.catch(() => {
        if (known === asked) known = null;
      });
    }
    return known.answer;
  };
}

/** Does some upkeep again and again, never two at once; answers how to end it. A failure is the next turn's business. */
export function repeat(everyMs: number, work: () => Promise<unknown>, log: Logger): () => Promise<void> {
  let running: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: Error) => log.debug({ err: error }, 'roll-ups are late'))
      .finally(() => {
        running = null;
      });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
