// Lifecycle: start() → looked at every quarter of a second → stop(). Before it has looked, the process is not busy.
import { performance } from 'node:perf_hooks';

const LOOK_EVERY_MS = 250;
/** Share of the last look's time in which the event loop had something to do; at 60 % of what it can take it is still answering at once. */
const BUSY_SHARE = 0.85;

/** Whether this process has as much to do as it can, so that what can wait should. */
export function watchBusyness(): { isBusy(): boolean; start(): void; stop(): void } {
  let before = performance.eventLoopUtilization();
  let share = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    isBusy: () => share > BUSY_SHARE,
    start() {
      timer = setInterval(() => {
        const now = performance.eventLoopUtilization();
        share = performance.eventLoopUtilization(now, before).utilization;
        before = now;
      }, LOOK_EVERY_MS);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}
