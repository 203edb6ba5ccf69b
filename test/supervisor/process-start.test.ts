import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { processStart, startTicksFromStat } from '../../src/supervisor/process-start.ts';

test('a living process has one start, a process that has ended has none', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = child.pid ?? 0;
  const start = await processStart(pid);
  expect(start).not.toBeNull();
  expect(await processStart(pid)).toBe(start);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await processStart(pid)).toBeNull();
});

test('the start is field 22 of proc stat even when the command holds spaces and brackets', () => {
  const fields = Array.from({ length: 40 }, (_, index) => String(index + 4)).join(' ');
  expect(startTicksFromStat(`1234 (a) R b) S ${fields}`)).toBe('22');
});

test('a zombie counts as ended', () => {
  expect(startTicksFromStat(`1234 (node) Z ${Array.from({ length: 40 }, () => '1').join(' ')}`)).toBeNull();
});
