import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { endOrphans } from '../../../src/supervisor/end-orphans.ts';
import { processStart } from '../../../src/supervisor/process-start.ts';
import type { RunFile } from '../../../src/supervisor/run-file.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

async function stubbornProcess(): Promise<number> {
  const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('node did not start');
  return child.pid;
}

function runFile(worker: number, start: string): RunFile {
  const urls = { url: '', clickhouseUrl: '', redisUrl: '' };
  const pids = { supervisor: process.pid, clickhouse: null, redis: null, api: null, worker };
  return { ...urls, pids, starts: { worker: start } };
}

test('a straggler of an earlier run that will not stop is killed', async () => {
  const pid = await stubbornProcess();
  const start = (await processStart(pid)) ?? '';
  expect(await endOrphans(runFile(pid, start), 100)).toEqual([{ name: 'worker', pid }]);
  expect(await processStart(pid)).toBeNull();
});

test('a stranger that was given the pid of an earlier child is left alone', async () => {
  const pid = await stubbornProcess();
  expect(await endOrphans(runFile(pid, 'another start'), 100)).toEqual([]);
  expect(await processStart(pid)).not.toBeNull();
});
