import type { JobClass } from '../../media/plan/ffmpeg-job.ts';
import type { Pace } from './pace.ts';

/** Even while everything else rests, what somebody waits for goes on at half speed. */
const FAST_LANE_LEAST = 0.5;
/** What nobody waits for still gets done. */
const BACKGROUND_LEAST = 0.03;

/**
 * Share of its time, 0..1, that a job may run at a pace: background work gives way first and is down to its least at half
 * pace; the fast lane gives way last.
 */
export function dutyOf(jobClass: JobClass, { level, ceiling }: Pick<Pace, 'level' | 'ceiling'>): number {
  switch (jobClass) {
    case 'fast-lane':
      return Math.min(ceiling, Math.max(FAST_LANE_LEAST, 2 * level));
    case 'encode':
      return level;
    case 'background':
      // Relative to the ceiling: at the share that is always allowed, nothing is wrong yet.
      return level === 0 ? 0 : Math.max(BACKGROUND_LEAST, Math.min(level, ceiling * (2 * (level / ceiling) - 1)));
  }
}
