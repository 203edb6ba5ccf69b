import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { Receiving, STALLED_AFTER_MS } from '../../../src/api/uploads/receiving.ts';

let nowMs: number;
let body: PassThrough;
let told: string[];
let receiving: Receiving;
beforeEach(() => {
  nowMs = 1000;
  body = new PassThrough();
  told = [];
  const events = { onBytes: () => void told.push('bytes'), onEnd: () => void told.push('end') };
  receiving = new Receiving(body, events, () => nowMs);
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** So many bytes come, `afterMs` after what came before. */
async function receive(bytes: number, afterMs: number) {
  nowMs += afterMs;
  body.write(Buffer.alloc(bytes));
  await settled();
}

/** Its reader wants bytes. */
async function read() {
  body.resume();
  await settled();
}

describe('a body that is received', () => {
  it('is not read by whoever watches it', async () => {
    await receive(10, 0);
    expect([told, receiving.received.bytes]).toEqual([[], 0]);
    const read: Buffer[] = [];
    body.on('data', (bytes) => read.push(bytes));
    body.resume();
    await settled();
    expect([Buffer.concat(read).length, receiving.received.bytes]).toEqual([10, 10]);
  });

  it('takes from its headers to its last byte', async () => {
    await read();
    await receive(100, 300);
    await receive(200, 400);
    nowMs += 10_000;
    expect(receiving.received).toEqual({ bytes: 300, elapsedMs: 700, stallCount: 0, stalledMs: 0 });
  });

  it('is whole when it ends, and then over', async () => {
    await read();
    await receive(100, 300);
    body.end();
    await settled();
    expect([told, receiving.isWhole]).toEqual([['bytes', 'end'], true]);
  });

  it('is not whole when its connection breaks', async () => {
    await read();
    await receive(100, 300);
    body.destroy();
    await settled();
    expect([told, receiving.isWhole]).toEqual([['bytes', 'end'], false]);
  });

  it('is whole and over when its reader says so, and nobody is told', async () => {
    await read();
    await receive(100, 300);
    receiving.close();
    body.destroy();
    await settled();
    expect([told, receiving.isWhole]).toEqual([['bytes'], true]);
  });
});

describe('a stall', () => {
  it('is no byte for the bound, and its time is not receiving', async () => {
    await read();
    await receive(100, 300);
    await receive(100, STALLED_AFTER_MS - 1);
    await receive(100, STALLED_AFTER_MS);
    await receive(100, 9000);
    expect(receiving.received).toEqual({
      bytes: 400,
      elapsedMs: 300 + STALLED_AFTER_MS - 1,
      stallCount: 2,
      stalledMs: STALLED_AFTER_MS + 9000,
    });
  });

  it('can be how it ends', async () => {
    await read();
    await receive(100, 300);
    nowMs += 60_000;
    body.destroy();
    await settled();
    expect(receiving.received).toEqual({ bytes: 100, elapsedMs: 300, stallCount: 1, stalledMs: 60_000 });
  });

  it('is none of the sender’s while nobody reads', async () => {
    nowMs += 8000;
    await read();
    await receive(100, 300);
    body.pause();
    nowMs += 8000;
    await read();
    await receive(100, 300);
    expect(receiving.received).toMatchObject({ stallCount: 0, elapsedMs: 16_600 });
  });
});
