// Lifecycle: acquire → (touch the file every 10 s) → release. Locks are numbered files in DATA_DIR/lock, like every numbered
// document here created exclusively; the highest number is the lock. Taking over a dead holder's lock N means creating
// N+1, which only one of any number of starters can do; deleting N first, as single lock files must, would let two win.
// The highest file is never deleted (a released one says so), hence no number is ever won twice.
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createExclusively, isErrno } from './create-exclusively.ts';
import { processStart } from './process-start.ts';
import { replaceFile } from './replace-file.ts';

const holderSchema = z.object({
  pid: z.int().positive(),
  /** From `processStart`: tells the holder from a later process with its pid. */
  processStart: z.string(),
  host: z.string(),
  /** What holds it, e.g. `nara serve`. */
  what: z.string(),
  /** ISO 8601. */
  since: z.string(),
  released: z.boolean(),
});
/** Who holds the data directory. */
export type LockHolder = z.infer<typeof holderSchema>;

export type HeldLock = { release(): Promise<void> };
export type LockOutcome =
  | { kind: 'acquired'; lock: HeldLock; tookOverFrom: LockHolder | null }
  | { kind: 'held'; holder: LockHolder };

const TOUCH_INTERVAL_MS = 10_000;
/** A process on another machine (or in another container) cannot be looked at: silence for this long means it is gone. */
const FOREIGN_SILENCE_MS = 60_000;

/** Takes the data directory for this process, or says who has it. A dead holder's lock is taken over; creates the folder. */
export async function acquireLock(dataDir: string, what: string): Promise<LockOutcome> {
  const folder = join(dataDir, 'lock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const mine = await describeThisProcess(what);
  for (;;) {
    const current = await readHighest(folder);
    if (current?.alive) return { kind: 'held', holder: current.holder };
    const number = (current?.number ?? 0) + 1;
    const path = lockPath(folder, number);
    if (!(await createExclusively(path, JSON.stringify(mine)))) continue;
    if (Math.max(...(await lockNumbers(folder))) > number) {
      // A number below the highest had been cleaned away between our look and our creation.
      await rm(path, { force: true });
      continue;
    }
    await removeBelow(folder, number);
    const previous = current?.holder ?? null;
    return { kind: 'acquired', lock: keep(path, mine), tookOverFrom: previous?.released ? null : previous };
  }
}

/** Who holds the data directory now; null when no living process does. */
export async function readLockHolder(dataDir: string): Promise<LockHolder | null> {
  const current = await readHighest(join(dataDir, 'lock'));
  return current?.alive ? current.holder : null;
}

function keep(path: string, mine: LockHolder): HeldLock {
  const touch = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => {});
  }, TOUCH_INTERVAL_MS);
  touch.unref();
  return {
    async release() {
      clearInterval(touch);
      await replaceFile(path, JSON.stringify({ ...mine, released: true }));
    },
  };
}

async function describeThisProcess(what: string): Promise<LockHolder> {
  const start = (await processStart(process.pid)) ?? '';
  const since = new Date().toISOString();
  return { pid: process.pid, processStart: start, host: hostname(), what, since, released: false };
}

type CurrentLock = { number: number; holder: LockHolder | null; alive: false } | AliveLock;
type AliveLock = { number: number; holder: LockHolder; alive: true };

async function readHighest(folder: string): Promise<CurrentLock | null> {
  const numbers = await lockNumbers(folder);
  if (numbers.length === 0) return null;
  const number = Math.max(...numbers);
  const path = lockPath(folder, number);
  const holder = await readHolder(path);
  if (holder !== null && (await isAlive(holder, path))) return { number, holder, alive: true };
  return { number, holder, alive: false };
}

async function readHolder(path: string): Promise<LockHolder | null> {
  const text = await readFile(path, 'utf8').catch(absent);
  if (text === null) return null;
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function absent(error: unknown): null {
  if (isErrno(error, 'ENOENT')) return null;
  throw error;
}

async function isAlive(holder: LockHolder, path: string): Promise<boolean> {
  if (holder.released) return false;
  if (holder.host === hostname()) return (await processStart(holder.pid)) === holder.processStart;
  const touched = await stat(path).catch(absent);
  return touched !== null && Date.now() - touched.mtimeMs < FOREIGN_SILENCE_MS;
}

async function lockNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(absent);
  return (names ?? []).flatMap((name) => (/^\d{6,}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []));
}

async function removeBelow(folder: string, number: number): Promise<void> {
  const older = (await lockNumbers(folder)).filter((other) => other < number);
  await Promise.all(older.map((other) => rm(lockPath(folder, other), { force: true })));
}

function lockPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(6, '0')}.json`);
}
