/** How long ordinary work on this machine waited, by who measured it. */
export type LatencyReading = {
  source: string;
  ms: number;
  /** Nobody minds less than this, ms. */
  floorMs: number;
};

/** What each source reads while nothing is encoded, ms. */
export type IdleLatencies = Readonly<Record<string, number>>;

/** How much the worst-off suffers: 1 is the most that is tolerated. */
export type Harm = { worst: number; reason: string | null };

/** Twice what it would be without us is harm. */
const TOLERATED_RATIO = 2;
/** Stalls that a disk or a memory shows under ordinary load. */
const TOLERATED_IO_STALL = 0.3;
const TOLERATED_MEMORY_STALL = 0.05;
/** Below this nobody else is there to wait for the disk: the stalls are the encoder's own. */
const OTHERS_ALIVE = 0.02;

/** Readings lag, so the first second without encoders still tells of the time with them. */
const QUIET_AFTER_SECONDS = 1;
const IDLE_WEIGHT = 0.3;
/** A lucky reading beside encoders is no proof either; many are. */
const BUSY_WEIGHT = 0.03;
/** A single slow answer teaches little about the rest. */
const BELIEVED_RATIO = 3;

/** Latency against what it is without us, and pressure against what a busy machine bears. */
export function harmOf(
  sample: {
    othersCpu: number;
    ioStall: number;
    memoryStall: number;
    latencies: readonly LatencyReading[];
  },
  idle: IdleLatencies,
): Harm {
  const others = sample.othersCpu > OTHERS_ALIVE;
  const harms = [
    { reason: 'memory', worst: sample.memoryStall / TOLERATED_MEMORY_STALL },
    { reason: 'io', worst: others ? sample.ioStall / TOLERATED_IO_STALL : 0 },
    ...sample.latencies.map((reading) => ({ reason: reading.source, worst: reading.ms / limitMs(reading, idle) })),
  ];
  return harms.reduce<Harm>((most, harm) => (harm.worst > most.worst ? harm : most), { worst: 0, reason: null });
}

/** The most that a source may read while we encode, ms. */
export function limitMs({ source, floorMs }: LatencyReading, idle: IdleLatencies): number {
  return Math.max(floorMs, TOLERATED_RATIO * (idle[source] ?? 0));
}

/** Latencies without encoders are idle ones, whatever they are; with them, only those that are lower than was believed. */
export function rememberIdle(
  idle: IdleLatencies,
  latencies: readonly LatencyReading[],
  quietSeconds: number,
): IdleLatencies {
  const next: Record<string, number> = {};
  for (const { source, ms, floorMs } of latencies) {
    const known = idle[source] ?? Math.min(ms, floorMs / TOLERATED_RATIO);
    const believed = Math.min(ms, BELIEVED_RATIO * Math.max(known, floorMs / TOLERATED_RATIO));
    const quiet = quietSeconds >= QUIET_AFTER_SECONDS;
    const weight = quiet ? IDLE_WEIGHT : believed < known ? BUSY_WEIGHT : 0;
    next[source] = known + weight * (believed - known);
  }
  return { ...idle, ...next };
}
