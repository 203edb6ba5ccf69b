import { readdir } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** Makes every thread of a process this nice; Linux keeps that for each of its own. Where there is no /proc, nothing changes. */
export async function renice(pid: number, niceness: number): Promise<void> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  for (const thread of threads) {
    try {
      setPriority(Number(thread), niceness);
    } catch {
      // It has ended.
    }
  }
}
