import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FfmpegJob } from '../../../src/media/plan/ffmpeg-job.ts';
import { ffmpeg, openWorkshop, type Workshop } from './clips.ts';

let workshop: Workshop;
beforeEach(async () => {
  workshop = await openWorkshop();
});
afterEach(() => workshop.close());

const never = new AbortController().signal;
/** Runs for ever at the speed of its clock; `name` shows in the process list. */
const endless = (name: string): FfmpegJob => ({
  name: 'endless',
  inputs: [{ path: 'testsrc2=size=64x64:rate=5', options: ['-re', '-f', 'lavfi'] }],
  filterGraph: null,
  outputs: [{ path: `${name}.mkv`, options: ['-c:v', 'libx264', '-tune', 'zerolatency', '-f', 'matroska'] }],
  timeLimitSeconds: 60,
});

/** Pids of processes of this machine whose command line holds `text`. */
async function pidsWith(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.startsWith('ffmpeg') && commandLine.includes(text)) found.push(Number(pid));
  }
  return found;
}
const unique = (): string => `clip-${Math.random().toString(36).slice(2)}`;

async function oneProcess(name: string): Promise<number> {
  return vi.waitFor(async () => {
    const [pid] = await pidsWith(name);
    if (pid === undefined) throw new Error('not running yet');
    return pid;
  }, 10_000);
}

test('a child is nice, sees nothing of our environment and reports how far it is', async () => {
  const name = unique();
  const abort = new AbortController();
  const progress: number[] = [];
  const running = ffmpeg.run(endless(name), {
    signal: abort.signal,
    directory: workshop.root,
    onProgress: (s) => progress.push(s),
  });
  const failed = expect(running).rejects.toMatchObject({ code: 'aborted', job: 'endless' });
  const pid = await oneProcess(name);
  const nice = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[16];
  expect(nice).toBe('19');
  const environment = (await readFile(`/proc/${pid}/environ`, 'utf8'))
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.split('=')[0]);
  expect(environment.sort()).toEqual(expect.arrayContaining(['LC_ALL', 'PATH']));
  for (const variable of environment)
    expect(['HOME', 'LC_ALL', 'PATH', 'PWD', 'OLDPWD', '_', 'SHLVL']).toContain(variable);
  await vi.waitFor(() => expect(Math.max(0, ...progress)).toBeGreaterThan(0), 10_000);
  abort.abort();
  await failed;
  expect(await pidsWith(name)).toEqual([]);
});

test('an abort before it began starts nothing', async () => {
  const running = ffmpeg.run(endless(unique()), { signal: AbortSignal.abort(), directory: workshop.root });
  await expect(running).rejects.toMatchObject({ code: 'aborted' });
});

test('an abort at any early moment leaves no process', async () => {
  const names = Array.from({ length: 4 }, unique);
  await Promise.all(
    names.map(async (name, index) => {
      const abort = new AbortController();
      const running = ffmpeg.run(endless(name), { signal: abort.signal, directory: workshop.root });
      setTimeout(() => abort.abort(), index * 15);
      await expect(running).rejects.toMatchObject({ code: 'aborted' });
    }),
  );
  for (const name of names) expect(await pidsWith(name)).toEqual([]);
});

test('a job beyond its time is killed and says so', async () => {
  const name = unique();
  const job = { ...endless(name), timeLimitSeconds: 0.5 };
  await expect(ffmpeg.run(job, { signal: never, directory: workshop.root })).rejects.toMatchObject({ code: 'timeout' });
  expect(await pidsWith(name)).toEqual([]);
});

test('a failure carries the last words of ffmpeg, a kill from outside is told apart', async () => {
  const missing: FfmpegJob = { ...endless('x'), inputs: [{ path: join(workshop.root, 'nothing.mp4'), options: [] }] };
  await expect(ffmpeg.run(missing, { signal: never, directory: workshop.root })).rejects.toMatchObject({
    code: 'exit',
    stderrTail: expect.stringContaining('nothing.mp4: No such file or directory'),
  });
  const name = unique();
  const running = expect(ffmpeg.run(endless(name), { signal: never, directory: workshop.root })).rejects.toMatchObject({
    code: 'killed',
  });
  process.kill(await oneProcess(name), 'SIGKILL');
  await running;
});

test('nothing outlives a worker that is killed', async () => {
  const name = unique();
  const script = `
    import { pino } from 'pino';
    import { createFfmpeg } from ${JSON.stringify(join(import.meta.dirname, '../../../src/media/ffmpeg.ts'))};
    const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log: pino({ level: 'silent' }) });
    const job = ${JSON.stringify(endless(name))};
    await ffmpeg.run(job, { signal: new AbortController().signal, directory: ${JSON.stringify(workshop.root)} });`;
  const worker = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'ignore' });
  await oneProcess(name);
  worker.kill('SIGKILL');
  await vi.waitFor(async () => expect(await pidsWith(name)).toEqual([]), 5_000);
});

test('an ffmpeg that is not there is not started', async () => {
  const { createFfmpeg } = await import('../../../src/media/ffmpeg.ts');
  const absent = createFfmpeg({ ffmpegPath: '/nowhere/ffmpeg', ffprobePath: '/nowhere/ffprobe', log: workshop.log });
  await expect(absent.probe('x', [], never)).rejects.toMatchObject({ code: 'not-started' });
});

test('a probe reads one file and no other: playlists that name files are no media', async () => {
  await workshop.store.write(
    'uploads/playlist',
    '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
  );
  const path = workshop.store.localPath('uploads/playlist') ?? '';
  await expect(ffmpeg.probe(path, ['-show_streams'], never)).rejects.toMatchObject({ code: 'exit' });
});
