import type { JobClass, JobLoad } from '../media/plan/ffmpeg-job.ts';

/** What a machine can do at once. */
export type SlotBudget = { pixelsPerSecond: number; memoryBytes: number };

/** A job in a slot, or waiting for one. */
export type SlotJob = { jobClass: JobClass; load: JobLoad };

/** x264 veryfast with its decoding and scaling, on a core of this decade. */
const PIXELS_PER_SECOND_PER_CORE = 75_000_000;
/** The rest is the page cache's and everybody else's. */
const MEMORY_SHARE = 0.5;
/** However large, a job leaves this much for small ones; two large ones do not fit. */
const LARGEST_SHARE = 2 / 3;
/** Playable comes first, and its jobs are short: they share the cores rather than wait for each other. */
const FAST_LANE_BUDGETS = 4;
/** After this, nothing more overtakes a job that does not fit. */
const PATIENCE_SECONDS = 30;

/** The budget of a machine with so many cores and so much memory. */
export function slotBudget(machine: { cores: number; memoryBytes: number }): SlotBudget {
  return {
    pixelsPerSecond: machine.cores * PIXELS_PER_SECOND_PER_CORE,
    memoryBytes: machine.memoryBytes * MEMORY_SHARE,
  };
}

const ORDER: readonly JobClass[] = ['fast-lane', 'encode', 'background'];

/**
 * The job that may start now, or null: by class, then in order of arrival. Small ones overtake one that does not fit, until
 * that has waited long enough. The fast lane never waits for pixels of the others.
 */
export function nextToStart<T extends SlotJob & { waitedSeconds: number }>(
  waiting: readonly T[],
  running: readonly SlotJob[],
  budget: SlotBudget,
): T | null {
  for (const jobClass of ORDER) {
    for (const job of waiting.filter((candidate) => candidate.jobClass === jobClass)) {
      if (fits(job, running, budget)) return job;
      if (job.waitedSeconds >= PATIENCE_SECONDS && jobClass !== 'fast-lane') return null;
    }
  }
  return null;
}

function fits(job: SlotJob, running: readonly SlotJob[], budget: SlotBudget): boolean {
  const fastLane = job.jobClass === 'fast-lane';
  const rivals = running.filter((other) => (other.jobClass === 'fast-lane') === fastLane);
  // Too large for any slot, it runs alone rather than never.
  if (rivals.length === 0) return true;
  const pixels = (each: SlotJob): number =>
    Math.min(each.load.pixelsPerSecond / budget.pixelsPerSecond, LARGEST_SHARE) / (fastLane ? FAST_LANE_BUDGETS : 1);
  const memory = (each: SlotJob): number => each.load.memoryBytes / budget.memoryBytes;
  const sum = (jobs: readonly SlotJob[], weigh: (each: SlotJob) => number): number =>
    jobs.reduce((total, each) => total + weigh(each), 0);
  return sum([...rivals, job], pixels) <= 1 && sum([...running, job], memory) <= 1;
}
