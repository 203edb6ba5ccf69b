import { type Harm, harmOf, type IdleLatencies, type LatencyReading, rememberIdle } from './harm.ts';

/** What a machine went through since the sample before. Shares are of the whole machine, 0..1. */
export type PaceSample = {
  seconds: number;
  /** Processor time of our encoders. */
  ownCpu: number;
  /** Processor time of everything else. */
  othersCpu: number;
  /** Time in which every runnable task waited for the disk. */
  ioStall: number;
  /** Time in which some task waited for memory. */
  memoryStall: number;
  /** How long ordinary work on this machine had to wait. */
  latencies: readonly LatencyReading[];
};

/** How fast encoding goes. Start with `FULL_PACE`; each sample gives the next by `nextPace`. */
export type Pace = {
  /** Share of its time that an encoder may run, 0..1; 0 is a pause. */
  level: number;
  /** The most that `level` may be, because others need the machine. */
  ceiling: number;
  /** Smoothed. */
  own: number;
  others: number;
  othersNeedIt: boolean;
  /** Seconds for which encoders have had next to nothing of a machine that others fill. */
  starvedSeconds: number;
  /** Standing back has become standing still: encoders compete a little harder until there is room again. */
  lifted: boolean;
  /** What made the pace what it is; null when nothing holds it back. */
  reason: string | null;
  idle: IdleLatencies;
  harm: Harm;
  /** Seconds that the present pause, or the time since the last one, has lasted. */
  pausedSeconds: number;
  runningSeconds: number;
  /** Seconds without encoders doing anything, so that latencies are those of an idle encoder. */
  quietSeconds: number;
};

export const FULL_PACE: Pace = {
  level: 1,
  ceiling: 1,
  own: 0,
  others: 0,
  othersNeedIt: false,
  starvedSeconds: 0,
  lifted: false,
  reason: null,
  idle: {},
  harm: { worst: 0, reason: null },
  pausedSeconds: 0,
  runningSeconds: Number.POSITIVE_INFINITY,
  quietSeconds: 0,
};

/** Others need the machine above the first, and no longer below the second: idle services tick over below both. */
const OTHERS_BUSY = 0.1;
const OTHERS_CALM = 0.05;
/** Less than this of the machine is standing still, more than that is a machine filled by others; below the last there is room. */
const STARVED_OWN = 0.05;
const STARVED_OTHERS = 0.9;
const ROOM_OTHERS = 0.75;
const STARVED_SECONDS = 10;
/** Smooths readings of processor time, whose clock ticks a hundred times a second. */
const SMOOTHING_SECONDS = 1;

/** From the slowest to full speed in three seconds of perfect calm; slower the nearer it comes to harm. */
const RISE_PER_SECOND = 0.3;
/** What a second of harm leaves at most, and at least: more at once would outrun the readings. */
const FALL_PER_SECOND = { most: 0.9, least: 0.3 };
/** Below this slowing has not helped and pausing is next. */
const LOWEST_LEVEL = 0.15;
/** Harm at which there is no time for slowing down by degrees. */
const PAUSE_AT_HARM = 4;
/** Enough to learn what latencies are without us, and to let a burst pass. */
const MAX_PAUSE_SECONDS = 5;
/** A pause ends early after a second of calm: readings lag by half of one. */
const MIN_PAUSE_SECONDS = 1;
/** Between two pauses it goes on, however slowly: it finishes. */
const MIN_RUN_SECONDS = 10;
/** What is left while others suffer. */
const TRICKLE = 0.05;
/** Calm below, harm above 1; in between the pace stays, so that it does not hunt. */
const CALM_BELOW = 0.8;
/** Our encoders are as good as stopped. */
const QUIET_CPU = 0.02;

/** The next pace. `share` (0..1] is what encoders may take of the machine while others need it. */
export function nextPace(before: Pace, sample: PaceSample, share: number): Pace {
  const harm = harmOf(sample, before.idle);
  // One bad reading is chance.
  const steady = harm.worst < before.harm.worst ? harm : before.harm;
  const quietSeconds = sample.ownCpu < QUIET_CPU ? before.quietSeconds + sample.seconds : 0;
  const seen = { ...before, ...needOfOthers(before, sample), harm, quietSeconds };
  const idle = rememberIdle(before.idle, sample.latencies, quietSeconds);
  const ceiling = ceilingOf(seen, before, share);
  const moved = before.level === 0 ? paused(seen, harm.worst, sample.seconds) : running(seen, steady, sample.seconds);
  const level = Math.min(ceiling, moved.level);
  return { ...seen, idle, ceiling, ...moved, level, reason: reasonOf(level, ceiling, harm) };
}

type Needs = Pick<Pace, 'own' | 'others' | 'othersNeedIt' | 'starvedSeconds' | 'lifted'>;

function needOfOthers(before: Pace, sample: PaceSample): Needs {
  const weight = Math.min(1, sample.seconds / SMOOTHING_SECONDS);
  const others = before.others + weight * (sample.othersCpu - before.others);
  const own = before.own + weight * (sample.ownCpu - before.own);
  const starved = own > 0.001 && own < STARVED_OWN && others > STARVED_OTHERS;
  const starvedSeconds = starved ? before.starvedSeconds + sample.seconds : 0;
  return {
    own,
    others,
    othersNeedIt: others > (before.othersNeedIt ? OTHERS_CALM : OTHERS_BUSY),
    starvedSeconds,
    lifted: starvedSeconds >= STARVED_SECONDS || (before.lifted && others > ROOM_OTHERS),
  };
}

/** The level at which encoders take their share: what they took at the present level says what they would at full. */
function ceilingOf(seen: Pace, before: Pace, share: number): number {
  if (!seen.othersNeedIt) return 1;
  if (before.level < LOWEST_LEVEL || seen.own < QUIET_CPU) return Math.max(share, Math.min(1, before.ceiling));
  const atFullSpeed = Math.min(1, seen.own / before.level);
  return Math.min(1, share / Math.max(share, atFullSpeed));
}

type Moved = Pick<Pace, 'level' | 'pausedSeconds' | 'runningSeconds'>;

function paused(pace: Pace, worst: number, seconds: number): Moved {
  const pausedSeconds = pace.pausedSeconds + seconds;
  const calm = worst < CALM_BELOW && pausedSeconds >= MIN_PAUSE_SECONDS;
  if (!calm && pausedSeconds < MAX_PAUSE_SECONDS) return { level: 0, pausedSeconds, runningSeconds: 0 };
  return { level: calm ? LOWEST_LEVEL : TRICKLE, pausedSeconds: 0, runningSeconds: 0 };
}

function running(pace: Pace, { worst }: Harm, seconds: number): Moved {
  const runningSeconds = pace.runningSeconds + seconds;
  const on = (level: number): Moved => ({ level: Math.max(TRICKLE, level), pausedSeconds: 0, runningSeconds });
  if (worst < CALM_BELOW) return on(Math.min(1, pace.level + RISE_PER_SECOND * seconds * (1 - worst / CALM_BELOW)));
  if (worst < 1) return on(pace.level);
  const mayPause = runningSeconds >= MIN_RUN_SECONDS;
  if (mayPause && (worst >= PAUSE_AT_HARM || pace.level <= LOWEST_LEVEL)) {
    return { level: 0, pausedSeconds: 0, runningSeconds: 0 };
  }
  const left = Math.min(FALL_PER_SECOND.most, Math.max(FALL_PER_SECOND.least, 1 / worst ** 2));
  return on(pace.level * left ** seconds);
}

function reasonOf(level: number, ceiling: number, harm: Harm): string | null {
  if (level >= 1) return null;
  return level >= ceiling ? 'share' : (harm.reason ?? 'recovering');
}
