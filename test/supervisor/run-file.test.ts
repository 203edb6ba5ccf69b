import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunFile, readRunFile, removeRunFile, runFilePath, writeRunFile } from '../../src/supervisor/run-file.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-run-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const RUN: RunFile = {
  url: 'http://127.0.0.1:8080',
  clickhouseUrl: 'http://default:secret@127.0.0.1:20001',
  redisUrl: 'redis://default:secret@127.0.0.1:20002',
  pids: { supervisor: 10, clickhouse: 11, redis: 12, api: 13, worker: null },
  starts: { clickhouse: '1@boot' },
};

test('what is written is read back, and only its owner may read it', async () => {
  await writeRunFile(dataDir, RUN);
  await writeRunFile(dataDir, { ...RUN, pids: { ...RUN.pids, worker: 14 } });
  expect(await readRunFile(dataDir)).toEqual({ ...RUN, pids: { ...RUN.pids, worker: 14 } });
  expect((await stat(runFilePath(dataDir))).mode & 0o777).toBe(0o600);
  expect(await readdir(dataDir)).toEqual(['run.json']);
});

test('a missing, removed or foreign run.json reads as none', async () => {
  expect(await readRunFile(dataDir)).toBeNull();
  await writeFile(runFilePath(dataDir), '{"url": 1}');
  expect(await readRunFile(dataDir)).toBeNull();
  await removeRunFile(dataDir);
  await removeRunFile(dataDir);
  expect(await readdir(dataDir)).toEqual([]);
});
