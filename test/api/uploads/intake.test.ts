import { describe, expect, test } from 'vitest';
import { openIntake, payForBuffers } from '../../../src/api/uploads/intake.ts';
import { NOBODY } from '../../../src/api/uploads/uploader.ts';

const KIB = 1024;
const WINDOW_GROWTH = 192 * KIB;

/** A pacer that notes what it is paid, and lets everybody go on at once. */
function notingPacer() {
  const paid: number[] = [];
  return { pay: async (_party: string, bytes: number) => void paid.push(bytes), monotonicMs: () => 0, paid };
}

/** The way in for a body that goes on at `offset`; `receivedBytes` is what the connection has brought so far. */
function openAt(offset: number, pacer: ReturnType<typeof notingPacer>, receivedBytes: () => number) {
  const ports = { requireRoom: async () => {}, pacer, receivedBytes, onHeld: () => {} };
  return openIntake(ports, NOBODY, { metadata: {}, offset });
}

describe('the way in for a body', () => {
  test('pays for each piece, and once for what buffers hold', async () => {
    let received = 300;
    const pacer = notingPacer();
    const { took } = openAt(1_000, pacer, () => received);
    await took(100);
    received = 400;
    await took(100);
    received = 600;
    await took(100);
    await took(100);
    expect(pacer.paid).toEqual([300, 100, 200, 100]);
  });

  test('pays for what was written where the connection does not tell', async () => {
    const pacer = notingPacer();
    const { took } = openAt(1_000, pacer, () => 0);
    await took(100);
    await took(50);
    expect(pacer.paid).toEqual([100, 50]);
  });

  test('of a new upload has paid in advance for what its sender sends unasked', async () => {
    const pacer = notingPacer();
    await payForBuffers(pacer, NOBODY, 'someone');
    const [inAdvance = 0] = pacer.paid;
    const firstWindow = 64 * KIB;
    const { took } = openAt(0, pacer, () => inAdvance - firstWindow + 64 * KIB);
    await took(64 * KIB);
    // The window that the kernel widens meanwhile is nowhere to be seen.
    expect(pacer.paid.slice(1)).toEqual([64 * KIB + WINDOW_GROWTH]);
  });

  test('of a new upload pays for the widening of its window once, with its first piece', async () => {
    const pacer = notingPacer();
    const { took } = openAt(0, pacer, () => 0);
    for (let n = 0; n < 3; n += 1) await took(80 * KIB);
    expect(pacer.paid).toEqual([80 * KIB + WINDOW_GROWTH, 80 * KIB, 80 * KIB]);
  });
});
