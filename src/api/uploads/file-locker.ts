import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS, type Lock, type Locker, MemoryLocker } from '@tus/server';
import { z } from 'zod';

// Lifecycle of a lock: within this process it is tus' own; between processes it is `ID.lock` beside the upload, made exclusively,
// touched while it is held and removed when it is not. Whoever wants it leaves `ID.lock.wanted`, and the holder gives way as it
// does inside one process. A holder that was killed leaves its lock to the next: at once on its own machine, after
// STALE_MS on another.

const HEARTBEAT_MS = 1_000;
const STALE_MS = 15_000;
const RETRY_MS = 100;
/** As tus' own: then 423, and the client comes again. */
const TIMEOUT_MS = 30_000;

const holderSchema = z.object({ host: z.string(), pid: z.int(), process: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** Where the lock of the upload at `path` is, and where whoever waits for it says so. */
export const lockFilesOf = (path: string): string[] => [`${path}.lock`, `${path}.lock.wanted`];

/** Keeps requests for one upload apart, in this process and in others on the same directory, without Redis. */
export class FileLocker implements Locker {
  readonly #directory: string;
  readonly #inProcess = new MemoryLocker();
  readonly #self: Holder = { host: hostname(), pid: process.pid, process: randomUUID() };

  constructor(directory: string) {
    this.#directory = directory;
  }

  newLock(id: string): Lock {
    const [path = '', wanted = ''] = lockFilesOf(join(this.#directory, id));
    const inProcess = this.#inProcess.newLock(id);
    let heart: NodeJS.Timeout | undefined;
    return {
      lock: async (signal, requestRelease) => {
        await inProcess.lock(signal, requestRelease);
        try {
          await this.#takeFile(path, wanted, signal);
        } catch (error) {
          await inProcess.unlock();
          throw error;
        }
        heart = setInterval(() => void keep(path, wanted, requestRelease), HEARTBEAT_MS);
      },
      unlock: async () => {
        clearInterval(heart);
        await rm(path, { force: true });
        await inProcess.unlock();
      },
    };
  }

  async #takeFile(path: string, wanted: string, signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + TIMEOUT_MS;
    while (!(await create(path, this.#self))) {
      if (await this.#isAbandoned(path)) {
        await setAside(path);
        continue;
      }
      if (signal.aborted) throw ERRORS.ABORTED;
      if (performance.now() > deadlineMs) throw ERRORS.ERR_LOCK_TIMEOUT;
      await writeFile(wanted, '');
      await sleep(RETRY_MS);
    }
    await rm(wanted, { force: true });
  }

  async #isAbandoned(path: string): Promise<boolean> {
    const touchedAtMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
    if (touchedAtMs === null) return false;
    if (Date.now() - touchedAtMs > STALE_MS) return true;
    const holder = await readHolder(path);
    if (holder === null || holder.host !== this.#self.host || holder.process === this.#self.process) return false;
    return holder.pid === this.#self.pid || !isAlive(holder.pid);
  }
}

/** False when another has it. */
async function create(path: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') await mkdir(dirname(path), { recursive: true });
    else if (code !== 'EEXIST') throw error;
    return false;
  }
}

/** Of several who find it abandoned, only one takes it away. */
async function setAside(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => {});
  await rm(aside, { force: true });
}

async function keep(path: string, wanted: string, requestRelease: () => unknown): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
  if (await stat(wanted).catch(() => null)) await requestRelease();
}

/** Null when it is gone or only just being written. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
