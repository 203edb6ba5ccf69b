import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFfmpeg } from '../../../src/media/ffmpeg.ts';
import type { Pacer } from '../../../src/media/pacer.ts';
import type { FfmpegJob } from '../../../src/media/plan/ffmpeg-job.ts';
import { createGovernor, type Governor } from '../../../src/workers/governor/governor.ts';
import { openWorkshop, type Workshop } from '../media/clips.ts';

const log = pino({ level: 'silent' });
const never = new AbortController().signal;

let workshop: Workshop;
let governor: Governor;
beforeEach(async () => {
  workshop = await openWorkshop();
  governor = createGovernor({ cpuShare: 0.75, cores: 2, memoryBytes: 4 * 1024 ** 3, watchUrl: null, log });
});
afterEach(async () => {
  governor.stop();
  await workshop.close();
});

const ffmpegPacedBy = (pacer: Pacer) => createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log, pacer });
const unique = (): string => `clip-${Math.random().toString(36).slice(2)}`;

/** Work that takes at least so long, at the pace of the picture's own clock. */
const work = (name: string, seconds: number): FfmpegJob => ({
  name: 'work',
  inputs: [{ path: `testsrc2=size=320x180:rate=15:duration=${seconds}`, options: ['-re', '-f', 'lavfi'] }],
  filterGraph: null,
  outputs: [{ path: `${name}.mkv`, options: ['-c:v', 'libx264', '-preset', 'veryfast', '-f', 'matroska'] }],
  timeLimitSeconds: 120,
});

type ProcessState = { pid: number; state: string; session: number; niceness: number };

async function ffmpegWith(text: string): Promise<ProcessState[]> {
  const found: ProcessState[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!commandLine.startsWith('ffmpeg') || !commandLine.includes(text)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', , , session] = fields;
    found.push({ pid: Number(pid), state, session: Number(session), niceness: Number(fields[16]) });
  }
  return found;
}

async function until(state: (found: ProcessState[]) => boolean, name: string): Promise<ProcessState[]> {
  return vi.waitFor(async () => {
    const found = await ffmpegWith(name);
    if (!state(found)) throw new Error(`not yet: ${JSON.stringify(found)}`);
    return found;
  }, 20_000);
}
const isStopped = (found: ProcessState[]): boolean => found.length > 0 && found.every(({ state }) => state === 'T');

/** Somebody on this machine says how long it waits, until told otherwise. */
function suffering(ms: number): () => void {
  const timer = setInterval(() => governor.hear({ source: 'test', ms, floorMs: 25 }), 100);
  return () => clearInterval(timer);
}

test('while others suffer a real encode is stopped, and it finishes all the same', async () => {
  const name = unique();
  governor.start();
  const calm = suffering(2_000);
  try {
    const running = ffmpegPacedBy(governor.pacer).run(work(name, 4), { signal: never, directory: workshop.root });
    await until(isStopped, name);
    expect(governor.status().level).toBeLessThan(0.2);
    calm();
    await running;
  } finally {
    calm();
  }
  expect(governor.status()).toMatchObject({ running: 0, waiting: 0 });
  expect(governor.status().pausedSeconds).toBeGreaterThan(0);
});

test('beside a processor-bound neighbour it finishes', async () => {
  const spinners: ChildProcess[] = [0, 1].map(() =>
    spawn(process.execPath, ['-e', 'for(;;);'], { detached: true, stdio: 'ignore' }),
  );
  governor.start();
  try {
    const name = unique();
    await ffmpegPacedBy(governor.pacer).run(work(name, 1), { signal: never, directory: workshop.root });
  } finally {
    for (const spinner of spinners) spinner.kill('SIGKILL');
  }
  await vi.waitFor(() => expect(governor.status().others).toBeGreaterThan(0.1), 5_000);
});

test('time spent stopped does not count against the limit of a job', async () => {
  const name = unique();
  let stoppedMs = 0;
  const pacer: Pacer = {
    admit: async () => ({
      threads: 1,
      niceness: 19,
      sessionNiceness: null,
      started: () => undefined,
      served: () => undefined,
      pausedMs: () => stoppedMs,
      ended: () => undefined,
    }),
  };
  const endless = { ...work(name, 3_600), timeLimitSeconds: 1 };
  const failed = expect(
    ffmpegPacedBy(pacer).run(endless, { signal: never, directory: workshop.root }),
  ).rejects.toMatchObject({ code: 'timeout' });
  const startedMs = performance.now();
  const counting = setInterval(() => {
    if (performance.now() - startedMs < 2_000) stoppedMs = performance.now() - startedMs;
  }, 20);
  await failed;
  clearInterval(counting);
  expect(stoppedMs).toBeGreaterThan(1_500);
});

test('what is stopped can be aborted', async () => {
  const name = unique();
  const abort = new AbortController();
  governor.start();
  const calm = suffering(2_000);
  try {
    const running = ffmpegPacedBy(governor.pacer).run(work(name, 3_600), {
      signal: abort.signal,
      directory: workshop.root,
    });
    const failed = expect(running).rejects.toMatchObject({ code: 'aborted' });
    await until(isStopped, name);
    abort.abort();
    await failed;
  } finally {
    calm();
  }
  expect(await ffmpegWith(name)).toEqual([]);
});

test('what is stopped dies with its worker', async () => {
  const name = unique();
  const source = (path: string): string => JSON.stringify(join(import.meta.dirname, '../../../src', path));
  const script = `
    import { pino } from 'pino';
    import { createFfmpeg } from ${source('media/ffmpeg.ts')};
    import { createGovernor } from ${source('workers/governor/governor.ts')};
    const log = pino({ level: 'silent' });
    const governor = createGovernor({ cpuShare: 0.75, cores: 2, memoryBytes: 4e9, watchUrl: null, log });
    governor.start();
    setInterval(() => governor.hear({ source: 'test', ms: 2000, floorMs: 25 }), 100);
    const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log, pacer: governor.pacer });
    await ffmpeg.run(${JSON.stringify(work(name, 3_600))}, { signal: new AbortController().signal, directory: ${JSON.stringify(workshop.root)} });`;
  const worker = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'ignore' });
  await until(isStopped, name);
  worker.kill('SIGKILL');
  await until((found) => found.length === 0, name);
});

test('an encode yields within its session and outside of it', async () => {
  const name = unique();
  const abort = new AbortController();
  const running = ffmpegPacedBy(governor.pacer).run(work(name, 3_600), {
    signal: abort.signal,
    directory: workshop.root,
  });
  const failed = expect(running).rejects.toMatchObject({ code: 'aborted' });
  const [found] = await until(({ length }) => length === 1, name);
  expect(found?.niceness).toBe(19);
  const enabled = await readFile('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').catch(() => '0');
  if (enabled.trim() === '1') {
    expect(found?.session).toBe(found?.pid);
    expect(await readFile(`/proc/${found?.pid}/autogroup`, 'utf8')).toContain('nice 10');
  }
  abort.abort();
  await failed;
});
