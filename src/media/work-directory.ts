import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

// Lifecycle: one directory per run under ROOT, named after the process that made it, removed when the run ends however it
// ends. What a killed process left behind is swept by the next one to start.

/** Runs `work` in a fresh directory and removes it afterwards. */
export async function withWorkDirectory<T>(root: string, name: string, work: (path: string) => Promise<T>): Promise<T> {
  await mkdir(root, { recursive: true });
  const path = await mkdtemp(join(root, `${process.pid}.${name}.`));
  try {
    return await work(path);
  } finally {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}

/** Removes the directories of processes that are no more; call at start. Resolves to how many there were. */
export async function sweepWorkDirectories(root: string): Promise<number> {
  await mkdir(root, { recursive: true });
  const abandoned = (await readdir(root)).filter((name) => {
    const pid = Number(/^(\d+)\./.exec(name)?.[1]);
    return pid > 0 && pid !== process.pid && !isAlive(pid);
  });
  await Promise.all(abandoned.map((name) => rm(join(root, name), { recursive: true, force: true })));
  return abandoned.length;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
