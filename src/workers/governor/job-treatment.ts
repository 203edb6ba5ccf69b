import type { JobClass } from '../../media/plan/ffmpeg-job.ts';

/** Towards the rest of the service, and towards the machine where the kernel knows no sessions. */
export const NICENESS: Record<JobClass, number> = { 'fast-lane': 10, encode: 19, background: 19 };

/** Towards other sessions: a tenth of a processor that somebody else uses up, and a thirtieth. The fast lane stays in ours. */
const SESSION_NICENESS: Record<JobClass, number | null> = { 'fast-lane': null, encode: 10, background: 15 };
/** The same when many others fill the machine for good: a third, and a tenth. */
const LIFTED_SESSION_NICENESS: typeof SESSION_NICENESS = { 'fast-lane': null, encode: 3, background: 10 };

/** How nice the session of a job should be; null: it has none of its own. */
export function sessionNiceness(jobClass: JobClass, lifted: boolean): number | null {
  return (lifted ? LIFTED_SESSION_NICENESS : SESSION_NICENESS)[jobClass];
}

/** A quarter, for this process with its fast lane; every process of the service has a session of its own. */
export const OWN_SESSION_NICENESS = 5;

const MOST_THREADS = 8;

/** More threads than these cost memory and rate control without making a rung faster. */
export function threadsOf(jobClass: JobClass, cores: number): number {
  const most = Math.min(MOST_THREADS, cores);
  return jobClass === 'background' ? Math.max(1, Math.floor(most / 2)) : most;
}
