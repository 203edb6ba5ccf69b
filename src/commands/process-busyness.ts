// Lifecycle: start() → looked at every tenth of a second → stop(). Before it has looked, the process is not busy.
import { performance } from 'node:perf_hooks';

const LOOK_EVERY_MS = 100;
/** Share of the time between two looks in which the event loop had something to do; what is left goes by waiting for disk and senders. */
const BUSY_SHARE = 0.6;
/** Quick to stand back, slow to return: a burst pauses for a moment now and then. */
const QUIET_LOOKS = 10;

/** Whether this process has, or a second ago had, as much to do as it can, so that what can wait should. */
export function watchBusyness(utilization: UtilizationSince = sinceLastAsked()): Busyness {
  let quietLooks = QUIET_LOOKS;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    quietLooks = utilization() > BUSY_SHARE ? 0 : quietLooks + 1;
  };
  return {
    isBusy: () => quietLooks < QUIET_LOOKS,
    look,
    start() {
      timer = setInterval(look, LOOK_EVERY_MS);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}

type Busyness = { isBusy(): boolean; look(): void; start(): void; stop(): void };

/** Of the event loop since this was asked before, 0..1. */
type UtilizationSince = () => number;

function sinceLastAsked(): UtilizationSince {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}
