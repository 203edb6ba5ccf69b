import type { JobClass, JobLoad } from './plan/ffmpeg-job.ts';

/** A child process as far as pacing goes: `kill` reaches that very process or, once it has ended, nothing. */
export type PacedChild = { pid?: number | undefined; kill(signal: NodeJS.Signals): boolean };

/** One job's leave to run. */
export type Admission = {
  /** Threads that each decoder, filter graph and encoder may use; null: as many as ffmpeg likes. */
  threads: number | null;
  /** 0 (ordinary) to 19 (most yielding). */
  niceness: number;
  /** The same towards other sessions, in one of its own where the kernel knows such a thing; null: stays in the worker's. */
  sessionNiceness: number | null;
  /** Call when the process is there: from now on it may be stopped and continued. */
  started(child: PacedChild): void;
  /** Call when what somebody waited for is there: what is left of the job makes room for those who still wait. */
  served(): void;
  /** How long it has been stopped so far, ms. */
  pausedMs(): number;
  /** Call when the job has ended, however it ended. */
  ended(): void;
};

/** Decides when ffmpeg may run, and how fast. */
export type Pacer = {
  /** Waits for room; rejects with the signal's reason when that aborts. */
  admit(job: { jobClass: JobClass; load: JobLoad }, signal: AbortSignal): Promise<Admission>;
};

/** Weighs next to nothing: a poster, a probe, a window of a second. */
export const LIGHT_LOAD: JobLoad = { pixelsPerSecond: 5_000_000, memoryBytes: 100 * 1024 ** 2 };

/** Everything at once, at full speed; most yielding unless told otherwise. */
export const unpaced = (niceness = 19): Pacer => ({
  admit: async () => ({
    threads: null,
    niceness,
    sessionNiceness: null,
    started: () => undefined,
    served: () => undefined,
    pausedMs: () => 0,
    ended: () => undefined,
  }),
});
