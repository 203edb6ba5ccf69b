import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openEngine } from '../../src/clickhouse/open-engine.ts';
import { probeThreads } from '../../src/clickhouse/probe-threads.ts';

vi.mock('chdb', () => {
  throw new Error("Cannot find package 'chdb'");
});

const log = pino({ level: 'silent' });
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engine-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('openEngine', () => {
  it('says what to do when chDB is not installed', async () => {
    await expect(openEngine(directory, 1, log)).rejects.toMatchObject({
      code: 'clickhouse.engine-missing',
      message: expect.stringContaining('CLICKHOUSE_URL'),
    });
  });

  it('refuses a path that ClickHouse would take for a pattern', async () => {
    const opening = openEngine(join(directory, 'data*'), 1, log);
    await expect(opening).rejects.toMatchObject({ code: 'clickhouse.data-dir-unusable' });
  });
});

describe('probeThreads', () => {
  it('finds as many threads as there are, and no more', async () => {
    expect(await probeThreads(2, directory)).toBe(true);
    expect(await probeThreads(1_025, directory)).toBe(false); // libuv allows 1024
  });
});
