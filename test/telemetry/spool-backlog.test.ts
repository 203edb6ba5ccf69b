import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../src/telemetry/spool/segment-files.ts';
import { Spool, toSpoolRow } from '../../src/telemetry/spool/spool.ts';
import { waitFor } from '../fixtures/wait-for.ts';

const AGE_MS = 10;

let directory: string;
let sealed: Segment[];
let spool: Spool;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-backlog-'));
  sealed = [];
});
afterEach(async () => {
  await spool.stop();
  await rm(directory, { recursive: true });
});

async function open(waitingAgeMs: number): Promise<void> {
  spool = new Spool({
    directory,
    maxBytes: 1e9,
    segmentAgeMs: AGE_MS,
    waitingAgeMs,
    onSealed: (segment) => sealed.push(segment),
  });
  await spool.start();
}

const append = (n: number) => spool.append([toSpoolRow({ n })]);

describe('a spool whose segments wait to be applied', () => {
  it('gathers what comes meanwhile in one segment, which is ready once nothing waits any more', async () => {
    await open(600_000);
    await append(0);
    const first = await waitFor('the first to be ready', () => sealed[0]);
    const until = Date.now() + 20 * AGE_MS;
    let rows = 0;
    await waitFor('many ages to pass', async () => {
      await append(++rows);
      return Date.now() > until;
    });
    expect(sealed).toEqual([first]);
    await spool.release(first);
    const second = await waitFor('the second to be ready', () => sealed[1]);
    expect([second.rows, sealed.length]).toEqual([rows, 2]);
  });

  it('does so for a while only: rows are not much older than their segment says', async () => {
    await open(3 * AGE_MS);
    await append(0);
    await waitFor('the first to be ready', () => sealed[0]);
    await append(1);
    await waitFor('the second to be ready although the first is still waiting', () => sealed[1]);
  });
});
