// Lifecycle: start → (running → ready → exited → waiting)* → stop. A child that ends by itself is started again after a
// growing pause, for ever: a supervisor that gives up needs a person at night. Only one that says that starting it again is
// no use (`finalExit`) stays ended. What a dead child left behind (ffmpeg
// under a killed worker) is ended with it. stop() signals, waits, kills; afterwards nothing of the child is alive.
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type BackOff, DEFAULT_BACK_OFF, failuresAfterExit, restartDelayMs } from './back-off.ts';
import { type ChildCommand, type Exit, type RunningChild, startChild } from './child-process.ts';
import type { TieToParent } from './die-with-parent.ts';

/** A long recovery is allowed; a start that hangs for longer than this is killed and tried again. */
const READY_TIMEOUT_MS = 300_000;

export type ChildSpec = ChildCommand & {
  name: string;
  stopSignal: NodeJS.Signals;
  /** SIGKILL after this long. */
  stopTimeoutMs: number;
  /** Null: this system cannot; a watchdog beside the child ends it with its parent. */
  tieToParent: TieToParent | null;
  /** A child that ends with this code is not started again. */
  finalExit?: { code: number; onFinalExit: () => void };
  backOff?: BackOff;
  readyTimeoutMs?: number;
  log: Logger;
  /** Called at each start with the new pid, and with null when the child has ended. */
  onPid?: (pid: number | null) => void;
};

/** A child that is kept running between start() and stop(). */
export type SupervisedChild = {
  readonly name: string;
  start(): void;
  /** Resolves when the child has been ready for the first time; never, if it never is. */
  whenReady(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILLs the child and all that it started; without stop() it is started again. */
  kill(): void;
};

/** Keeps one child process running: restarts it with back-off when it ends by itself. */
export function supervise(spec: ChildSpec): SupervisedChild {
  const log = spec.log.child({ child: spec.name });
  const backOff = spec.backOff ?? DEFAULT_BACK_OFF;
  const stopping = new AbortController();
  const firstReady = gate();
  let current: RunningChild | null = null;
  let stopped: Promise<void> = Promise.resolve();

  async function keepRunning(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const run = runOnce(spec, log, firstReady.open);
      current = run.child;
      const { exit, readyForMs } = await run.ended;
      current = null;
      if (stopping.signal.aborted) return;
      if (exit.code !== null && exit.code === spec.finalExit?.code) {
        log.fatal(describeExit(exit), 'child cannot run as it is configured, will not be started again');
        spec.finalExit.onFinalExit();
        return;
      }
      failures = failuresAfterExit(backOff, failures, readyForMs);
      const restartInMs = restartDelayMs(backOff, failures);
      log.error({ ...describeExit(exit), failures, restartInMs }, 'child ended by itself, will be started again');
      await sleep(restartInMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    name: spec.name,
    start() {
      stopped = keepRunning();
    },
    whenReady: () => firstReady.opened,
    async stop() {
      stopping.abort();
      current?.signal(spec.stopSignal);
      const timeout = setTimeout(() => {
        log.warn(
          { childPid: current?.pid, stopTimeoutMs: spec.stopTimeoutMs },
          'child did not stop in time, killing it',
        );
        current?.killGroup();
      }, spec.stopTimeoutMs);
      await stopped;
      clearTimeout(timeout);
      log.info('child stopped');
    },
    kill: () => current?.killGroup(),
  };
}

type Ended = { exit: Exit; readyForMs: number };

function runOnce(spec: ChildSpec, log: Logger, onReady: () => void): { child: RunningChild; ended: Promise<Ended> } {
  const startedMs = performance.now();
  const child = startChild(spec, spec.tieToParent);
  const { pid } = child;
  spec.onPid?.(pid);
  if (pid !== null) log.info({ childPid: pid }, 'child started');
  const readyTimeout = setTimeout(() => {
    log.error({ childPid: pid }, 'child was not ready in time, killing it');
    child.killGroup();
  }, spec.readyTimeoutMs ?? READY_TIMEOUT_MS);
  let readyMs = Number.POSITIVE_INFINITY;
  void child.ready.then(() => {
    readyMs = performance.now();
    clearTimeout(readyTimeout);
    log.info({ childPid: pid, startMs: Math.round(readyMs - startedMs) }, 'child ready');
    onReady();
  });
  const ended = child.exited.then((exit) => {
    clearTimeout(readyTimeout);
    child.killGroup();
    spec.onPid?.(null);
    return { exit, readyForMs: Math.max(0, performance.now() - readyMs) };
  });
  return { child, ended };
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

function describeExit({ code, signal, error }: Exit): Record<string, unknown> {
  if (error) return { err: error };
  return signal ? { signal } : { code };
}
