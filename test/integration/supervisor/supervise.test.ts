import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findParentDeathSignal } from '../../../src/supervisor/die-with-parent.ts';
import { processStart } from '../../../src/supervisor/process-start.ts';
import { type ChildSpec, type SupervisedChild, supervise } from '../../../src/supervisor/supervise.ts';

const CHILD = join(import.meta.dirname, 'fixtures/child.mjs');
const tieToParent = await findParentDeathSignal();
let folder: string;
let journal: string;
let child: SupervisedChild | null = null;
let logLines: Record<string, unknown>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nara-supervise-'));
  journal = join(folder, 'journal');
  logLines = [];
});
afterEach(async () => {
  await child?.stop();
  await rm(folder, { recursive: true });
});

function startChild(traits: string[], more: Partial<ChildSpec> = {}): SupervisedChild {
  const log = pino({ level: 'debug' }, { write: (line: string) => logLines.push(JSON.parse(line)) });
  child = supervise({
    name: 'fixture',
    command: process.execPath,
    args: [CHILD, journal, ...traits],
    readyWhen: { kind: 'message' },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    backOff: { firstMs: 10, maxMs: 40, resetAfterMs: 30_000 },
    tieToParent,
    log,
    ...more,
  });
  child.start();
  return child;
}

async function pidsThat(event: string): Promise<number[]> {
  const lines = (await readFile(journal, 'utf8').catch(() => '')).split('\n').map((line) => line.split(' '));
  return lines.filter(([name]) => name === event).map(([, pid]) => Number(pid));
}

async function firstPid(event: string): Promise<number> {
  const [pid] = await pidsThat(event);
  if (pid === undefined) throw new Error(`no process ${event} yet`);
  return pid;
}

const logged = (message: string) => logLines.filter(({ msg }) => msg === message);
const soon = { timeout: 10_000, interval: 20 };

test('a child that is killed comes back with a new pid, and each event is one log line', async () => {
  const pids: (number | null)[] = [];
  await startChild([], { onPid: (pid) => pids.push(pid) }).whenReady();
  const first = await firstPid('ready');
  process.kill(first, 'SIGKILL');
  await vi.waitFor(async () => expect(await pidsThat('ready')).toHaveLength(2), soon);
  const second = pids.at(-1);
  expect(second).not.toBe(first);
  expect(pids).toEqual([first, null, second]);
  await vi.waitFor(() => expect(logged('child ready')).toHaveLength(2), soon);
  expect(logged('child started')).toMatchObject([{ childPid: first }, { childPid: second }]);
  expect(logged('child ended by itself, will be started again')).toMatchObject([
    { child: 'fixture', signal: 'SIGKILL', failures: 1, restartInMs: 10 },
  ]);
});

test('a child that stands back does so with every thread, after every start', async () => {
  await startChild([], { niceness: 7 }).whenReady();
  const niceness = async (pid: number): Promise<number[]> => {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8')));
    return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
  };
  const first = await firstPid('ready');
  expect(new Set(await niceness(first))).toEqual(new Set([7]));
  process.kill(first, 'SIGKILL');
  await vi.waitFor(async () => expect(await pidsThat('ready')).toHaveLength(2), soon);
  expect(new Set(await niceness((await pidsThat('ready'))[1] ?? 0))).toEqual(new Set([7]));
});

test('a child that stands back does so towards other sessions too, where the kernel shares processors between sessions', async () => {
  await startChild([], { niceness: 7 }).whenReady();
  const sessionOf = (pid: number) => readFile(`/proc/${pid}/autogroup`, 'utf8').catch(() => null);
  if ((await sessionOf(process.pid)) === null) return;
  const first = await firstPid('ready');
  await vi.waitFor(async () => expect(await sessionOf(first)).toMatch(/nice 7\n$/), soon);
  expect(await sessionOf(process.pid)).not.toMatch(/nice 7\n$/);
});

test('a child that never gets ready is tried again after ever longer pauses', async () => {
  startChild(['crash-early']);
  await vi.waitFor(async () => expect((await pidsThat('started')).length).toBeGreaterThan(4), soon);
  const crashes = logged('child ended by itself, will be started again');
  expect(crashes.slice(0, 4).map(({ restartInMs }) => restartInMs)).toEqual([10, 20, 40, 40]);
  expect(crashes[0]).toMatchObject({ code: 3 });
});

test('a child that says that starting it again is no use stays ended, and can still be stopped', async () => {
  const finals: string[] = [];
  const finalExit = { code: 3, onFinalExit: () => finals.push('final') };
  const ended = startChild(['crash-early'], { finalExit });
  await vi.waitFor(() => expect(finals).toEqual(['final']), soon);
  await ended.stop();
  expect(await pidsThat('started')).toHaveLength(1);
  expect(logged('child cannot run as it is configured, will not be started again')).toMatchObject([{ code: 3 }]);
});

test('a child that hangs before it is ready is killed and started again', async () => {
  startChild([], { readyWhen: { kind: 'probe', probe: async () => false }, readyTimeoutMs: 300 });
  await vi.waitFor(async () => expect((await pidsThat('started')).length).toBeGreaterThan(1), soon);
  expect(logged('child was not ready in time, killing it').length).toBeGreaterThan(0);
});

test('a command that does not exist is reported and tried again', async () => {
  startChild([], { command: join(folder, 'no-such-program'), tieToParent: null });
  await vi.waitFor(() => {
    expect(logged('child ended by itself, will be started again').length).toBeGreaterThan(1);
  }, soon);
  expect(logged('child ended by itself, will be started again')[0]).toMatchObject({ err: { code: 'ENOENT' } });
});

test('stop lets a child end by itself and does not start it again', async () => {
  const running = startChild([]);
  await running.whenReady();
  const pid = await firstPid('ready');
  await running.stop();
  expect(await processStart(pid)).toBeNull();
  expect(await pidsThat('terminated')).toEqual([pid]);
  expect(await pidsThat('started')).toEqual([pid]);
});

test('a child that ignores SIGTERM is killed when its time is over', async () => {
  const running = startChild(['stubborn'], { stopTimeoutMs: 200 });
  await running.whenReady();
  const pid = await firstPid('ready');
  await running.stop();
  expect(await processStart(pid)).toBeNull();
  expect(logged('child did not stop in time, killing it')).toMatchObject([{ childPid: pid }]);
});

test('what a killed child had started is ended with it', async () => {
  await startChild(['offspring']).whenReady();
  const parent = await firstPid('ready');
  const offspring = await firstPid('offspring');
  expect(await processStart(offspring)).not.toBeNull();
  process.kill(parent, 'SIGKILL');
  await vi.waitFor(async () => expect(await processStart(offspring)).toBeNull(), soon);
});
