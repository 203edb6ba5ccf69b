import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 500;
/** An answer that takes longer is as bad as any. */
const PATIENCE_MS = 2_000;

/**
 * Asks `url` twice a second and tells how long it took to begin to answer, ms, until the signal aborts. What cannot be
 * reached at all is not there to be disturbed.
 */
export async function watchUrl(url: string, onLatency: (ms: number) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ms = await latencyOf(url, signal);
    if (ms !== null) onLatency(ms);
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function latencyOf(url: string, signal: AbortSignal): Promise<number | null> {
  const startedMs = performance.now();
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, patience]), redirect: 'manual' });
    const ms = performance.now() - startedMs;
    await answer.body?.cancel();
    return ms;
  } catch {
    return patience.aborted && !signal.aborted ? PATIENCE_MS : null;
  }
}
