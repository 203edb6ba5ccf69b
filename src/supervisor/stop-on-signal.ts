// Lifecycle: made when the children are, waits for a signal, the parent's death or stop(); then stops the children one
// after the other in the order given, runs `last`, and resolves `exited`. Nothing of it is left afterwards.
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { exitWhenParentDies } from './die-with-parent.ts';
import type { SupervisedChild } from './supervise.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** npm passes a terminal's Ctrl-C on although it has come already: a signal this soon after the first is the same wish. */
const SAME_WISH_MS = 1_000;

export type Shutdown = {
  /** Stops everything; repeated calls wait for the same stop. */
  stop(): Promise<void>;
  /** Stops everything because it cannot go on. */
  fail(): Promise<void>;
  /** The exit code, once everything has stopped: 0, or 1 after a forced stop or a failure. */
  exited: Promise<number>;
};

export type ShutdownOptions = {
  children: readonly Pick<SupervisedChild, 'stop' | 'kill'>[];
  /** After the last child. */
  last: () => Promise<void>;
  log: Logger;
};

/** Stops the children in this order when this process is asked to end; a second signal kills them. */
export function stopOnSignal({ children, last, log }: ShutdownOptions): Shutdown {
  let stopping: Promise<void> | null = null;
  let requestedMs = Number.POSITIVE_INFINITY;
  let exitCode = 0;
  let resolveExited = (_code: number): void => {};
  const exited = new Promise<number>((resolve) => {
    resolveExited = resolve;
  });

  async function stopInOrder(): Promise<void> {
    for (const child of children) await child.stop();
    await last();
    for (const name of STOP_SIGNALS) process.off(name, onSignal);
    log.info('everything has stopped');
    resolveExited(exitCode);
  }
  function stop(): Promise<void> {
    requestedMs = Math.min(requestedMs, performance.now());
    stopping ??= stopInOrder();
    return stopping;
  }
  function fail(): Promise<void> {
    exitCode = 1;
    return stop();
  }
  function onSignal(signal: NodeJS.Signals): void {
    if (stopping === null) {
      log.info({ signal }, 'stopping');
      void stop();
    } else if (performance.now() - requestedMs >= SAME_WISH_MS) {
      log.warn({ signal }, 'stopping by force');
      exitCode = 1;
      for (const child of children) killNow(child);
    }
  }
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  exitWhenParentDies(stop);
  return { stop, fail, exited };
}

function killNow(child: Pick<SupervisedChild, 'stop' | 'kill'>): void {
  void child.stop();
  child.kill();
}
