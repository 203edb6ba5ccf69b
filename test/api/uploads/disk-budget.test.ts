import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskBudget } from '../../../src/api/uploads/disk-budget.ts';

const MB = 1_000_000;
let directory: string;
let freeBytes: number;
let nowMs: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-budget-'));
  freeBytes = 100 * MB;
  nowMs = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const open = () =>
  new DiskBudget({
    directory,
    reserveBytes: 20 * MB,
    freeBytes: async () => freeBytes,
    monotonicMs: () => nowMs,
  });

/** An upload as tus keeps it, so many bytes of which are there. */
async function put(id: string, declaredBytes: number, receivedBytes: number): Promise<void> {
  await writeFile(join(directory, id), Buffer.alloc(receivedBytes));
  await writeFile(join(directory, `${id}.json`), JSON.stringify({ id, size: declaredBytes }));
}

const refused = { status: 507, code: 'upload.no-room' };

describe('room on the disk', () => {
  it('is promised for an upload and its renditions, up to the reserve to the byte', async () => {
    await open().promise('u_1', 40 * MB);
    await expect(open().promise('u_1', 40 * MB + 1)).rejects.toMatchObject({
      ...refused,
      errors: [{ path: 'Upload-Length', expected: 'at most 40000000 bytes', received: '40000001' }],
    });
  });

  it('is promised once, of however many who ask at the same time', async () => {
    const budget = open();
    const asked = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((id) => budget.promise(id, 15 * MB)));
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected']);
  });

  it('is free again when an upload is over, and what has arrived is not counted twice', async () => {
    const budget = open();
    await budget.promise('u_1', 40 * MB);
    await expect(budget.promise('u_2', 1 * MB)).rejects.toMatchObject(refused);
    await put('u_1', 40 * MB, 30 * MB);
    freeBytes = 70 * MB;
    await expect(budget.promise('u_2', 1 * MB)).rejects.toMatchObject(refused);
    freeBytes = 71 * MB + MB;
    await budget.promise('u_2', 1 * MB);
    budget.settle('u_2');
    await budget.promise('u_3', 1 * MB);
    budget.settle('u_1');
    budget.settle('u_3');
    await budget.promise('u_4', 25 * MB);
  });

  it('is known to be promised by another process: before this one began, and beside it', async () => {
    await put('u_before', 30 * MB, 0);
    await put('u_whole', 5, 5);
    const budget = open();
    await expect(budget.promise('u_1', 11 * MB)).rejects.toMatchObject(refused);
    await budget.promise('u_1', 5 * MB);
    await put('u_1', 5 * MB, 0);
    await put('u_beside', 4 * MB, 0);
    nowMs = 60_000;
    await expect(budget.promise('u_2', 2 * MB)).rejects.toMatchObject(refused);
    await rm(join(directory, 'u_before.json'));
    nowMs = 120_000;
    await budget.promise('u_2', 2 * MB);
  });
});

describe('bytes that arrive', () => {
  it('may go well into the reserve, and no further; the disk is not asked for each of them', async () => {
    const budget = open();
    freeBytes = 10 * MB;
    await budget.requireRoom();
    freeBytes = 10 * MB - 1;
    await budget.requireRoom();
    nowMs = 500;
    await expect(budget.requireRoom()).rejects.toMatchObject({ status: 507, code: 'upload.disk-full' });
  });
});
