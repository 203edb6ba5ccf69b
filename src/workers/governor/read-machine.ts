import { readFile } from 'node:fs/promises';

/** Ever-growing counters of a machine, in seconds. Null: this machine does not say. */
export type MachineCounters = {
  atMs: number;
  /** Of all processors. */
  busySeconds: number;
  totalSeconds: number;
  /** Processor time of this process' children, the ended and the given ones. */
  childrenSeconds: number;
  /** Pressure stall information, which kernels can be built or booted without. */
  ioStallSeconds: number | null;
  memoryStallSeconds: number | null;
};

/** USER_HZ: fixed by Linux' ABI. */
const TICKS_PER_SECOND = 100;

/** Reads Linux' counters; null where there are none. */
export async function readMachine(childPids: readonly number[]): Promise<MachineCounters | null> {
  const [stat, self, io, memory, ...children] = await Promise.all(
    [
      '/proc/stat',
      '/proc/self/stat',
      '/proc/pressure/io',
      '/proc/pressure/memory',
      ...childPids.map((pid) => `/proc/${pid}/stat`),
    ].map((path) => readFile(path, 'utf8').catch(() => null)),
  );
  if (typeof stat !== 'string' || typeof self !== 'string') return null;
  const { busy, total } = processorTicks(stat);
  const childrenTicks = children.reduce<number>((sum, text) => sum + (text ? processTicks(text).own : 0), 0);
  return {
    atMs: performance.now(),
    busySeconds: busy / TICKS_PER_SECOND,
    totalSeconds: total / TICKS_PER_SECOND,
    childrenSeconds: (processTicks(self).endedChildren + childrenTicks) / TICKS_PER_SECOND,
    ioStallSeconds: stallSeconds(io ?? null, 'full'),
    memoryStallSeconds: stallSeconds(memory ?? null, 'some'),
  };
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal; the guests' time is in user's already. */
export function processorTicks(stat: string): { busy: number; total: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (
    /^cpu +(.*)$/m.exec(stat)?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy, total: busy + idle + iowait + steal };
}

/** utime + stime, and cutime + cstime, of /proc/PID/stat; a process may call itself anything, parentheses included. */
export function processTicks(stat: string): { own: number; endedChildren: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3] ?? 0);
  return { own: field(14) + field(15), endedChildren: field(16) + field(17) };
}

/** The running total of one line of /proc/pressure/…, in seconds. */
export function stallSeconds(pressure: string | null, line: 'some' | 'full'): number | null {
  const total = new RegExp(`^${line} .*total=(\\d+)`, 'm').exec(pressure ?? '')?.[1];
  return total === undefined ? null : Number(total) / 1_000_000;
}
