import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, type LockHolder, type LockOutcome, readLockHolder } from '../../src/supervisor/acquire-lock.ts';
import { processStart } from '../../src/supervisor/process-start.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-lock-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

function acquired(outcome: LockOutcome) {
  if (outcome.kind !== 'acquired')
    throw new Error(`expected the lock, it is held by ${JSON.stringify(outcome.holder)}`);
  return outcome;
}

async function leaveLock(holder: Partial<LockHolder>, number = 7): Promise<string> {
  const folder = join(dataDir, 'lock');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${String(number).padStart(6, '0')}.json`);
  const base = {
    pid: process.pid,
    processStart: 'x',
    host: hostname(),
    what: 'nara serve',
    since: '2026-01-01T00:00:00Z',
  };
  await writeFile(path, JSON.stringify({ ...base, released: false, ...holder }));
  return path;
}

test('a second start is told who holds the data directory and since when', async () => {
  acquired(await acquireLock(dataDir, 'nara serve'));
  const second = await acquireLock(dataDir, 'nara serve');
  expect(second).toMatchObject({ kind: 'held', holder: { pid: process.pid, what: 'nara serve', host: hostname() } });
  expect(await readLockHolder(dataDir)).toMatchObject({ pid: process.pid });
});

test('a released lock can be taken again and counts as no take-over', async () => {
  await acquired(await acquireLock(dataDir, 'first')).lock.release();
  expect(await readLockHolder(dataDir)).toBeNull();
  expect(acquired(await acquireLock(dataDir, 'second')).tookOverFrom).toBeNull();
});

test('the lock of a dead process is taken over and its predecessor named', async () => {
  const dead = spawnSync(process.execPath, ['--version']).pid;
  await leaveLock({ pid: dead });
  expect(acquired(await acquireLock(dataDir, 'nara serve')).tookOverFrom).toMatchObject({ pid: dead });
});

test('a recycled pid does not keep the lock of the process that had it before', async () => {
  await leaveLock({ pid: process.pid, processStart: 'another start' });
  acquired(await acquireLock(dataDir, 'nara serve'));
});

test('the same pid with the same start is the living holder', async () => {
  await leaveLock({ processStart: (await processStart(process.pid)) ?? 'unknown' });
  expect((await acquireLock(dataDir, 'nara serve')).kind).toBe('held');
});

test('a holder on another machine keeps the lock while it gives signs of life', async () => {
  const path = await leaveLock({ host: 'elsewhere' });
  expect((await acquireLock(dataDir, 'nara serve')).kind).toBe('held');
  const longAgo = new Date(Date.now() - 10 * 60_000);
  await utimes(path, longAgo, longAgo);
  acquired(await acquireLock(dataDir, 'nara serve'));
});

test('a lock file that a power cut left unreadable is taken over', async () => {
  const path = await leaveLock({});
  await writeFile(path, '');
  acquired(await acquireLock(dataDir, 'nara serve'));
});

test('of many starters after a crash exactly one wins', async () => {
  await leaveLock({ pid: 2 ** 22 + 1 });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => acquireLock(dataDir, 'nara serve')));
  expect(outcomes.filter(({ kind }) => kind === 'acquired')).toHaveLength(1);
});

test('starters that take and release in turn never hold it together, and leave one file', async () => {
  let holders = 0;
  let turns = 0;
  const starter = async (): Promise<void> => {
    for (let attempt = 0; attempt < 30; attempt += 1) {
      const outcome = await acquireLock(dataDir, 'nara serve');
      if (outcome.kind === 'held') continue;
      holders += 1;
      expect(holders).toBe(1);
      await new Promise(setImmediate);
      holders -= 1;
      turns += 1;
      await outcome.lock.release();
    }
  };
  await Promise.all(Array.from({ length: 8 }, starter));
  expect(turns).toBeGreaterThan(1);
  expect(await readdir(join(dataDir, 'lock'))).toEqual([`${String(turns).padStart(6, '0')}.json`]);
});
