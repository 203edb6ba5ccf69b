import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EarlyStart, isWorthwhile } from '../../../src/api/uploads/early-start.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

const DECLARED = 10_000;
let directory: string;
let nowMs: number;
let started: string[];
let early: EarlyStart;
let requests: EventEmitter[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-early-'));
  nowMs = 0;
  started = [];
  requests = [];
  early = new EarlyStart({ directory, start: async (assetId) => void started.push(assetId), monotonicMs: () => nowMs });
});
afterEach(async () => {
  for (const request of requests) request.emit('close');
  await rm(directory, { recursive: true });
});

const box = (type: string, bytes: number): Buffer => {
  const made = Buffer.alloc(bytes);
  made.writeUInt32BE(bytes);
  made.write(type, 4, 'latin1');
  return made;
};
const headerFirst = Buffer.concat([box('ftyp', 24), box('moov', 2000), box('mdat', DECLARED - 2024)]);
const headerLast = Buffer.concat([box('ftyp', 24), box('mdat', DECLARED - 2024), box('moov', 2000)]);

async function receive(id: string, file: Buffer, bytes: number): Promise<void> {
  const info = { size: DECLARED, metadata: { 'nara-asset-id': `a_${id}` } };
  await writeFile(join(directory, `${id}.json`), JSON.stringify(info));
  await writeFile(join(directory, id), file.subarray(0, bytes));
}

/** A request that brings bytes; it looks at once, as each does. */
function open(id: string): void {
  const request = new EventEmitter();
  requests.push(request);
  early.begin(request, id);
}

/** Something else is started after what is asked about would have been. */
async function nothingMoreStarts(): Promise<void> {
  await receive('canary', headerFirst, 2100);
  open('canary');
  nowMs += 10_000;
  await waitFor('the canary', async () => {
    open('canary');
    return started.includes('a_canary');
  });
}

test('an upload is announced once, when its header is here and there is time to gain', async () => {
  await receive('one', headerFirst, 300);
  open('one');
  nowMs += 5_000;
  open('one');
  await receive('one', headerFirst, 3_000);
  nowMs += 5_000;
  await waitFor('the announcement', () => {
    open('one');
    return started.length > 0;
  });
  nowMs += 5_000;
  open('one');
  await nothingMoreStarts();
  expect(started).toEqual(['a_one', 'a_canary']);
});

test('a file with its index at the end is not announced', async () => {
  await receive('one', headerLast, 300);
  open('one');
  nowMs += 5_000;
  open('one');
  await nothingMoreStarts();
  expect(started).toEqual(['a_canary']);
});

test('a chunk whose checksum is still out is not looked at', async () => {
  await receive('one', headerFirst, 3_000);
  await writeFile(join(directory, 'one.unverified'), '1000\n');
  open('one');
  nowMs += 5_000;
  open('one');
  await nothingMoreStarts();
  expect(started).toEqual(['a_canary']);
  await rm(join(directory, 'one.unverified'));
  await waitFor('the announcement', () => {
    nowMs += 1_000;
    open('one');
    return started.includes('a_one');
  });
});

test('an uploader who comes back after a long while is announced again: whoever had begun has given up', async () => {
  const isAnnounced = (times: number) => () => {
    nowMs += 1_000;
    open('one');
    return started.length === times;
  };
  await receive('one', headerFirst, 3_000);
  await waitFor('the announcement', isAnnounced(1));
  for (const request of requests) request.emit('close');
  nowMs += 60_000;
  await waitFor('the second announcement', isAnnounced(2));
});

test('what is whole, too young to tell, or nearly here is not worth a head start', () => {
  const at = (verifiedBytes: number, elapsedMs: number, declaredBytes: number | null = DECLARED) =>
    isWorthwhile({ verifiedBytes, declaredBytes }, 0, elapsedMs);
  expect(at(1_000, 1_000)).toBe(true);
  expect(at(1_000, 900)).toBe(false);
  expect(at(DECLARED, 20_000)).toBe(false);
  expect(at(9_000, 2_000)).toBe(false);
  expect(at(9_000, 20_000, null)).toBe(true);
});
