import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freeBytesOf } from './disk-room.ts';
import { MediaError } from './media-error.ts';

// Lifecycle: one directory per run under ROOT, named after the process that made it and when that began, removed when the run ends
// however it ends. What a killed process left behind is swept by the next one to start, which in a container has the same id.

/** With less than this an encode is not begun: it would only fail half-way, and take telemetry and database along. */
const MIN_FREE_BYTES = 128 * 1024 ** 2;

const ownPrefix = (): string => `${process.pid}-${Math.round(performance.timeOrigin)}`;

/** Runs `work` in a fresh directory and removes it afterwards. Throws `disk-full` instead when there is no room to work in. */
export async function withWorkDirectory<T>(
  root: string,
  name: string,
  work: (path: string) => Promise<T>,
  freeBytes: typeof freeBytesOf = freeBytesOf,
): Promise<T> {
  await mkdir(root, { recursive: true });
  const free = await freeBytes(root);
  if (free < MIN_FREE_BYTES) {
    throw new MediaError('disk-full', `${root}: expected ${MIN_FREE_BYTES} free bytes to encode in (got ${free})`);
  }
  const path = await mkdtemp(join(root, `${ownPrefix()}.${name}.`));
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
    const pid = Number(/^(\d+)[.-]/.exec(name)?.[1]);
    return pid === process.pid ? !name.startsWith(`${ownPrefix()}.`) : pid > 0 && !isAlive(pid);
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
