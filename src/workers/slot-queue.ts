import { nextToStart, type SlotBudget, type SlotJob } from './slots.ts';

// Lifecycle: `take` waits in line → its answer gives the slot back, once. An abort leaves the line. A timer looks again while
// somebody waits, because patience ends without anything happening.

/** Slots of one machine by weight. */
export type SlotQueue = {
  /** Resolves, when there is room, to what gives the slot back. Rejects with the signal's reason. */
  take(job: SlotJob, signal: AbortSignal): Promise<() => void>;
  counts(): { running: number; waiting: number };
};

const LOOK_AGAIN_MS = 5_000;

type Waiting = SlotJob & { sinceMs: number; waitedSeconds: number; start: () => void };

/** An empty machine of that budget. */
export function createSlotQueue(budget: SlotBudget, nowMs: () => number = () => performance.now()): SlotQueue {
  const running = new Set<SlotJob>();
  const waiting = new Set<Waiting>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    for (;;) {
      for (const job of waiting) job.waitedSeconds = (nowMs() - job.sinceMs) / 1000;
      const next = nextToStart([...waiting], [...running], budget);
      if (next === null) break;
      next.start();
    }
    clearTimeout(timer);
    if (waiting.size > 0) timer = setTimeout(look, LOOK_AGAIN_MS).unref();
  }

  return {
    take({ jobClass, load }, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const job: SlotJob = { jobClass, load };
        const leave = (): void => {
          waiting.delete(entry);
          signal.removeEventListener('abort', onAbort);
        };
        const onAbort = (): void => {
          leave();
          reject(signal.reason);
          look();
        };
        const start = (): void => {
          leave();
          running.add(job);
          resolve(() => {
            if (running.delete(job)) look();
          });
        };
        const entry: Waiting = { ...job, sinceMs: nowMs(), waitedSeconds: 0, start };
        waiting.add(entry);
        signal.addEventListener('abort', onAbort);
        look();
      });
    },
    counts: () => ({ running: running.size, waiting: waiting.size }),
  };
}
