import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does `work` every `everyMs` until aborted, the first time somewhere within the first period. What was due while the one
 * before still ran follows at once, so a service that stands still is seen by everyone who would have asked meanwhile.
 */
export async function every(
  everyMs: number,
  signal: AbortSignal,
  work: (dueAtMs: number) => Promise<void>,
): Promise<void> {
  let dueAtMs = performance.now() + Math.random() * everyMs;
  while (!signal.aborted) {
    const waitMs = dueAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await work(dueAtMs);
    // People are not machines: up to a fifth sooner or later.
    dueAtMs += everyMs * (0.8 + 0.4 * Math.random());
  }
}
