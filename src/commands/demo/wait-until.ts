import { setTimeout as sleep } from 'node:timers/promises';

/** Something the demo waited for did not come in time. */
export class DemoTimeoutError extends Error {
  readonly code = 'demo.timeout';
  override readonly name = 'DemoTimeoutError';
}

export type Wait = { what: string; timeoutMs: number; everyMs: number; signal: AbortSignal };

/** Asks until the answer is not null. Throws DemoTimeoutError, or the signal's reason when aborted. */
export async function waitUntil<Answer>(ask: () => Promise<Answer | null>, wait: Wait): Promise<Answer> {
  const deadlineMs = Date.now() + wait.timeoutMs;
  for (;;) {
    wait.signal.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > deadlineMs) {
      throw new DemoTimeoutError(`waited ${Math.round(wait.timeoutMs / 1000)} s in vain for ${wait.what}`);
    }
    await sleep(wait.everyMs, undefined, { signal: wait.signal });
  }
}
