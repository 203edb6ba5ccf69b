import type { Logger } from 'pino';
import type { PacedChild, Pacer } from '../../media/pacer.ts';
import type { JobClass } from '../../media/plan/ffmpeg-job.ts';
import { createSlotQueue } from '../slot-queue.ts';
import { slotBudget } from '../slots.ts';
import { dutyOf } from './duty.ts';
import { type EncodeCgroup, joinEncodeCgroup, openEncodeCgroup } from './encode-cgroup.ts';
import type { LatencyReading } from './harm.ts';
import { NICENESS, OWN_SESSION_NICENESS, sessionNiceness, threadsOf } from './job-treatment.ts';
import { keepSessionNice } from './keep-session-nice.ts';
import { mayStopChildren } from './may-stop-children.ts';
import { FULL_PACE, nextPace, type Pace } from './pace.ts';
import { readMachine } from './read-machine.ts';
import { renice } from './renice.ts';
import { sampleBetween } from './sample.ts';
import { createStopAndGo } from './stop-and-go.ts';
import { createWaitProbe } from './wait-probe.ts';
import { watchUrl } from './watch-url.ts';

// Lifecycle: start → twice a second the machine is looked at and the pace set → stop: everything stopped goes on (to be
// killed or to finish, as its job decides). `pacer` works before, after and without start, then at full speed.

export type GovernorOptions = {
  /** Of the machine, 0..1, while others need it. */
  cpuShare: number;
  cores: number;
  memoryBytes: number;
  watchUrl: string | null;
  log: Logger;
};

/** How encoding goes on this machine at the moment. */
export type GovernorStatus = {
  level: number;
  reason: string | null;
  /** Shares of the machine. */
  own: number;
  others: number;
  running: number;
  waiting: number;
  /** Child-seconds spent stopped, so far. */
  pausedSeconds: number;
};

/** Keeps the encoders of one process from disturbing what shares its machine. */
export type Governor = {
  pacer: Pacer;
  start(): void;
  /** Somebody on this machine tells what it has to wait. */
  hear(reading: LatencyReading): void;
  status(): GovernorStatus;
  stop(): void;
};

const SAMPLE_EVERY_MS = 500;
/** A tenth of what a request may take, lost before it is even looked at. */
const WAIT_FLOOR_MS = 10;
const WATCH_FLOOR_MS = 25;

/** A governor for this process' children. */
export function createGovernor(options: GovernorOptions): Governor {
  const { log, cores } = options;
  const slots = createSlotQueue(slotBudget(options));
  const stopAndGo = createStopAndGo();
  const probe = createWaitProbe();
  const heard = new Map<string, LatencyReading>();
  const children = new Map<PacedChild, JobClass>();
  const stopping = new AbortController();
  const ownSession = { pid: process.pid, sessionNiceness: OWN_SESSION_NICENESS };
  let pausedMs = 0;
  let pace: Pace = FULL_PACE;
  let cgroup: EncodeCgroup = { kind: 'none', reason: 'not started' };

  const hear = (reading: LatencyReading): void => {
    const known = heard.get(reading.source);
    if (!known || known.ms < reading.ms) heard.set(reading.source, reading);
  };

  async function sampleForEver(): Promise<void> {
    cgroup = await openEncodeCgroup();
    const mayStop = await mayStopChildren();
    if (!mayStop) log.warn('setpriv cannot tie children to this worker: they are niced, but never slowed');
    let before = await readMachine(pidsOf(children));
    let beforeMs = performance.now();
    while (!stopping.signal.aborted) {
      await pause(SAMPLE_EVERY_MS, stopping.signal);
      const now = await readMachine(pidsOf(children));
      const nowMs = performance.now();
      // Nobody would continue what is stopped from here on.
      if (stopping.signal.aborted) return;
      const waitMs = probe.take();
      if (waitMs !== null) hear({ source: 'cpu', ms: waitMs, floorMs: WAIT_FLOOR_MS });
      const sample = sampleBetween(before, now, (nowMs - beforeMs) / 1000, [...heard.values()]);
      heard.clear();
      if (mayStop) set(nextPace(pace, sample, options.cpuShare));
      await keepSessionNice([ownSession, ...sessionsOf(children, pace.lifted)]);
      before = now;
      beforeMs = nowMs;
    }
  }

  function set(next: Pace): void {
    const was = pace;
    pace = next;
    stopAndGo.setDuties((jobClass) => dutyOf(jobClass, next));
    if (was.level > 0 && next.level === 0) log.info({ reason: next.reason, jobs: children.size }, 'encoding pauses');
    else if (was.level === 0 && next.level > 0) log.info({ level: next.level }, 'encoding goes on');
    else if (was.level !== next.level) log.debug({ level: next.level, reason: next.reason }, 'encoding pace');
  }

  return {
    pacer: {
      async admit({ jobClass, load }, signal) {
        const leave = await slots.take({ jobClass, load }, signal);
        let paced: ReturnType<typeof stopAndGo.add> | null = null;
        let child: PacedChild | null = null;
        return {
          threads: threadsOf(jobClass, cores),
          niceness: NICENESS[jobClass],
          sessionNiceness: sessionNiceness(jobClass, pace.lifted),
          started(process) {
            child = process;
            children.set(process, jobClass);
            paced = stopAndGo.add(process, jobClass);
            // Somebody waits for the fast lane: it stays with the service.
            if (jobClass !== 'fast-lane' && process.pid) void joinEncodeCgroup(cgroup, process.pid);
          },
          served() {
            if (child?.pid) void renice(child.pid, NICENESS.encode);
          },
          pausedMs: () => paced?.pausedMs() ?? 0,
          ended() {
            if (child) children.delete(child);
            if (paced) pausedMs += paced.pausedMs();
            paced?.remove();
            leave();
          },
        };
      },
    },
    start() {
      probe.start();
      void sampleForEver();
      if (options.watchUrl !== null) {
        const tell = (ms: number): void => hear({ source: 'watched', ms, floorMs: WATCH_FLOOR_MS });
        void watchUrl(options.watchUrl, tell, stopping.signal);
      }
    },
    hear,
    status: () => ({
      level: pace.level,
      reason: pace.reason,
      own: pace.own,
      others: pace.others,
      ...slots.counts(),
      pausedSeconds: pausedMs / 1000,
    }),
    stop() {
      stopping.abort();
      probe.stop();
      stopAndGo.stop();
    },
  };
}

const pidsOf = (children: ReadonlyMap<PacedChild, JobClass>): number[] =>
  [...children.keys()].flatMap(({ pid }) => pid ?? []);

function sessionsOf(
  children: ReadonlyMap<PacedChild, JobClass>,
  lifted: boolean,
): { pid: number; sessionNiceness: number }[] {
  return [...children].flatMap(([{ pid }, jobClass]) => {
    const niceness = sessionNiceness(jobClass, lifted);
    return pid === undefined || niceness === null ? [] : [{ pid, sessionNiceness: niceness }];
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
