import { closeSync, openSync, readSync } from 'node:fs';

// Lifecycle: start → wakes fifty times a second and notes how long the kernel let it wait for a processor → `take` answers
// and forgets → stop. This thread is what ordinary work is: what it has to wait, the API has to wait.

/** Measures how long ordinary threads of this machine wait for a processor. */
export type WaitProbe = {
  start(): void;
  /** 95th percentile of the waits since last asked, ms; null: nothing measured. */
  take(): number | null;
  stop(): void;
};

const WAKE_EVERY_MS = 20;

/** Where the kernel keeps no schedule statistics, it measures nothing. */
export function createWaitProbe(path = '/proc/thread-self/schedstat'): WaitProbe {
  const buffer = Buffer.alloc(128);
  let file: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  let waitedMs = 0;
  let waits: number[] = [];

  /** Total time spent runnable but not running: the second of three figures, ns. */
  function readWaitedMs(from: number): number {
    const length = readSync(from, buffer, 0, buffer.length, 0);
    return Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6;
  }

  return {
    start() {
      try {
        file = openSync(path, 'r');
      } catch {
        return;
      }
      const from = file;
      waitedMs = readWaitedMs(from);
      timer = setInterval(() => {
        const now = readWaitedMs(from);
        waits.push(now - waitedMs);
        waitedMs = now;
      }, WAKE_EVERY_MS);
    },
    take() {
      const sorted = waits.sort((a, b) => a - b);
      waits = [];
      return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
    },
    stop() {
      clearInterval(timer);
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}
