import { readdir, readFile } from 'node:fs/promises';

/** Linux counts in these. */
const TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 50;

/** Processor time in seconds, user and system, of this process and of all its children that have ended. */
export async function cpuSeconds(): Promise<number> {
  const text = await readFile('/proc/self/stat', 'utf8');
  // The command's name may hold anything; utime, stime, cutime, cstime are fields 14 to 17 (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

/** Highest resident memory of any one ffmpeg that ran below this process while `work` did, MiB. */
export async function peakMemoryMib(work: () => Promise<unknown>): Promise<number> {
  let peakKib = 0;
  const look = async (): Promise<void> => {
    for (const pid of await readdir('/proc')) {
      const status = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '') : '';
      if (!/^Name:\tffmpeg$/m.test(status) || !new RegExp(`^PPid:\t${process.pid}$`, 'm').test(status)) continue;
      peakKib = Math.max(peakKib, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peakKib / 1024;
}
