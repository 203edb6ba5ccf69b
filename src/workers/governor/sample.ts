import type { LatencyReading } from './harm.ts';
import type { PaceSample } from './pace.ts';
import type { MachineCounters } from './read-machine.ts';

/** What happened between two readings; without readings only latencies tell. */
export function sampleBetween(
  before: MachineCounters | null,
  now: MachineCounters | null,
  elapsedSeconds: number,
  latencies: readonly LatencyReading[],
): PaceSample {
  const blind = { seconds: elapsedSeconds, ownCpu: 0, othersCpu: 0, ioStall: 0, memoryStall: 0, latencies };
  if (before === null || now === null) return blind;
  const total = now.totalSeconds - before.totalSeconds;
  if (total <= 0) return blind;
  const own = now.childrenSeconds - before.childrenSeconds;
  const busy = now.busySeconds - before.busySeconds;
  return {
    ...blind,
    ownCpu: share(own / total),
    othersCpu: share((busy - own) / total),
    ioStall: stalled(before.ioStallSeconds, now.ioStallSeconds, elapsedSeconds),
    memoryStall: stalled(before.memoryStallSeconds, now.memoryStallSeconds, elapsedSeconds),
  };
}

const share = (value: number): number => Math.min(1, Math.max(0, value));

function stalled(before: number | null, now: number | null, elapsedSeconds: number): number {
  return before === null || now === null ? 0 : share((now - before) / elapsedSeconds);
}
