import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { renice } from '../../../src/workers/governor/renice.ts';

test('every thread of a process becomes as nice, and a process that is gone is no trouble', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  await renice(pid, 19);
  const threads = await readdir(`/proc/${pid}/task`);
  expect(threads.length).toBeGreaterThan(1);
  expect(threads.map((thread) => getPriority(Number(thread)))).toEqual(threads.map(() => 19));
  child.kill('SIGKILL');
  await once(child, 'exit');
  await renice(pid, 19);
});
