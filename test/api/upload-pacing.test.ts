import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Pacer } from '../../src/api/uploads/intake.ts';
import { waitFor } from '../fixtures/wait-for.ts';
import { startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
afterEach(async () => {
  service.stop();
  await rm(service.directory, { recursive: true });
});

const PIECE = Buffer.alloc(64 * 1024);
const SIZE = 512 * PIECE.length;
/** Between a sender and the disk, the kernel's window among them. */
const BUFFERED_BYTES = 512 * 1024;

/** A pacer that lets everybody begin and nobody read on before `release`; its clock then says that a minute has passed. */
function holdingPacer() {
  let nowMs = 0;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = () => {
      nowMs = 60_000;
      resolve();
    };
  });
  const paid: { party: string; bytes: number }[] = [];
  const pacer: Pacer = {
    monotonicMs: () => nowMs,
    pay(party, bytes) {
      paid.push({ party, bytes });
      return paid.length === 1 ? Promise.resolve() : released;
    },
  };
  return { pacer, paid, release };
}

/** A body and how much of it has been asked for. */
function countedBody(size = SIZE) {
  let pulledBytes = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulledBytes += PIECE.length;
      controller.enqueue(new Uint8Array(PIECE));
      if (pulledBytes === size) controller.close();
    },
  });
  return { body, pulledBytes: () => pulledBytes };
}

const start = async (pacer: Pacer) => {
  service = await startUploads(await mkdtemp(join(tmpdir(), 'nara-paced-')), { pacer });
};

describe('an upload whose turn it is not', () => {
  it('stops its sender instead of filling memory, goes on when it is, and tells nothing of the line', async () => {
    const { pacer, paid, release } = holdingPacer();
    await start(pacer);
    const location = await service.create(SIZE);
    const { body, pulledBytes } = countedBody();
    const sending = service.send('PATCH', location, { 'upload-offset': '0' }, body);
    let before = -1;
    await waitFor('the sender to stand still', async () => {
      const now = pulledBytes();
      const stands = now === before && paid.length > 1;
      before = now;
      return stands;
    });
    expect(paid).toHaveLength(2);
    expect(pulledBytes()).toBeLessThan(SIZE / 2);
    const writtenBytes = (await stat(join(service.directory, basename(location)))).size;
    expect(writtenBytes).toBeGreaterThan(0);
    // What is on its way to the disk has crossed the line too.
    expect((paid[0]?.bytes ?? 0) + (paid[1]?.bytes ?? 0)).toBeGreaterThanOrEqual(writtenBytes);

    release();
    expect((await sending).status).toBe(204);
    const paidBytes = paid.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(paidBytes).toBeGreaterThanOrEqual(SIZE);
    // Once for what lies in buffers; and the frames of a chunked body are some bytes more.
    expect(paidBytes).toBeLessThan(SIZE * 1.01 + BUFFERED_BYTES);
    expect(new Set(paid.map(({ party }) => party))).toEqual(new Set(['block the-block']));
    expect(service.measured).toEqual([{ bytes: SIZE, elapsedMs: 0, resumes: 0 }]);
  });

  it('is not told where to send before then', async () => {
    let goOn = (): void => {};
    const isPaid = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isAsked = false;
    const pay = () => {
      isAsked = true;
      return isPaid;
    };
    await start({ monotonicMs: () => 0, pay });
    let isCreated = false;
    const creating = service.create(SIZE).then(() => {
      isCreated = true;
    });
    await waitFor('the line to be asked', async () => isAsked);
    await setImmediate();
    expect(isCreated).toBe(false);
    goOn();
    await creating;
  });

  it('is resumed where it was cut, over another connection', async () => {
    const size = 64 * PIECE.length;
    const paid: number[] = [];
    let isBusy = true;
    const later = () => new Promise<void>((resolve) => setTimeout(resolve, isBusy ? 5 : 0));
    await start({ monotonicMs: () => 0, pay: (_party, bytes) => (paid.push(bytes) > 4 ? later() : Promise.resolve()) });
    const location = await service.create(size);
    const leaving = new AbortController();
    const cut = service.send('PATCH', location, { 'upload-offset': '0' }, countedBody(size).body, leaving.signal);
    cut.catch(() => {});
    await waitFor('the upload to be held', async () => paid.length > 4);
    leaving.abort();
    const offset = await service.offset(location);
    isBusy = false;
    expect(offset).toBeGreaterThanOrEqual(PIECE.length);
    const rest = Buffer.alloc(size - offset);
    expect((await service.send('PATCH', location, { 'upload-offset': String(offset) }, rest)).status).toBe(204);
    expect(service.finished).toHaveLength(1);
  });
});
