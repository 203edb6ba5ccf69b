import { describe, expect, test } from 'vitest';
import { openIntake } from '../../../src/api/uploads/intake.ts';
import { NOBODY } from '../../../src/api/uploads/uploader.ts';

/** An intake that notes what it pays for; `receivedBytes` is what the connection has brought so far. */
function openNoting(receivedBytes: () => number): { took(bytes: number): Promise<void>; paid: number[] } {
  const paid: number[] = [];
  const pacer = {
    pay: async (_party: string, bytes: number) => void paid.push(bytes),
    monotonicMs: () => 0,
  };
  const ports = { requireRoom: async () => {}, pacer, receivedBytes, onHeld: () => {} };
  return { took: openIntake(ports, NOBODY, {}).took, paid };
}

describe('the way in for a body', () => {
  test('pays for each piece, and once for what buffers hold', async () => {
    let received = 300;
    const { took, paid } = openNoting(() => received);
    await took(100);
    received = 400;
    await took(100);
    received = 600;
    await took(100);
    await took(100);
    expect(paid).toEqual([300, 100, 200, 100]);
  });

  test('pays for what was written where the connection does not tell', async () => {
    const { took, paid } = openNoting(() => 0);
    await took(100);
    await took(50);
    expect(paid).toEqual([100, 50]);
  });
});
