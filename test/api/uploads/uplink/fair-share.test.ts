import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairShare } from '../../../../src/api/uploads/uplink/fair-share.ts';

const PIECE = 64 * 1024;
const RATE = 1_000_000;

type Party = { name: string; connections: number; bytesPerMs: number };

/** Parties that send as fast as they may, or as their own lines allow, for a while of made-up time; bytes read by party. */
async function share(parties: readonly Party[], forMs: number): Promise<Record<string, number>> {
  let nowMs = 0;
  const later: { atMs: number; call: () => void }[] = [];
  const callLater = (call: () => void, delayMs: number) => void later.push({ atMs: nowMs + delayMs, call });
  const fair = new FairShare({ bytesPerSecond: () => RATE, monotonicMs: () => nowMs, callLater });
  const read: Record<string, number> = Object.fromEntries(parties.map(({ name }) => [name, 0]));

  function readOn(party: Party): void {
    if (nowMs > forMs) return;
    read[party.name] = (read[party.name] ?? 0) + PIECE;
    const arrivedAtMs = nowMs;
    void fair.pay(party.name, PIECE).then(() => {
      const nextAtMs = arrivedAtMs + (PIECE * party.connections) / party.bytesPerMs;
      callLater(() => readOn(party), Math.max(0, nextAtMs - nowMs));
    });
  }
  for (const party of parties) for (let n = 0; n < party.connections; n += 1) readOn(party);
  while (nowMs <= forMs) {
    later.sort((a, b) => a.atMs - b.atMs);
    const next = later.shift();
    if (next === undefined) break;
    nowMs = Math.max(nowMs, next.atMs);
    next.call();
    await Promise.resolve().then(() => {});
    await Promise.resolve();
  }
  return read;
}

/** What max-min fairness gives each of them. */
function maxMin(parties: readonly Party[], forMs: number): Record<string, number> {
  let left = (RATE / 1000) * forMs;
  const byWish = [...parties].sort((a, b) => a.bytesPerMs - b.bytesPerMs);
  return Object.fromEntries(
    byWish.map(({ name, bytesPerMs }, index) => {
      const part = Math.min(bytesPerMs * forMs, left / (byWish.length - index));
      left -= part;
      return [name, part];
    }),
  );
}

const FAST = 1_000_000;

describe('a shared line', () => {
  it('is divided equally between parties, however many connections one of them opens', async () => {
    const read = await share(
      [
        { name: 'greedy', connections: 12, bytesPerMs: FAST },
        { name: 'modest', connections: 1, bytesPerMs: FAST },
      ],
      60_000,
    );
    expect((read.greedy ?? 0) / (read.modest ?? 1)).toBeCloseTo(1, 1);
    expect((read.greedy ?? 0) + (read.modest ?? 0)).toBeLessThan(RATE * 60 + 15 * PIECE);
  });

  it('gives who wants less than an equal part all of it, and the rest to the others', async () => {
    const parties = [
      { name: 'slow', connections: 1, bytesPerMs: 50 },
      { name: 'one', connections: 1, bytesPerMs: FAST },
      { name: 'two', connections: 3, bytesPerMs: FAST },
    ];
    const read = await share(parties, 60_000);
    expect((read.slow ?? 0) / (50 * 60_000)).toBeCloseTo(1, 1);
    expect((read.one ?? 0) / (475 * 60_000)).toBeCloseTo(1, 1);
    expect((read.two ?? 0) / (475 * 60_000)).toBeCloseTo(1, 1);
  });

  it('is max-min fair for any parties, and never wider than it is', async () => {
    const party = fc.record({
      connections: fc.integer({ min: 1, max: 5 }),
      bytesPerMs: fc.constantFrom(40, 120, 400, FAST),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(party, { minLength: 1, maxLength: 6 }), async (drawn) => {
        const parties = drawn.map((each, index) => ({ ...each, name: `party ${index}` }));
        const forMs = 60_000;
        const read = await share(parties, forMs);
        const due = maxMin(parties, forMs);
        const connections = parties.reduce((sum, each) => sum + each.connections, 0);
        const total = Object.values(read).reduce((sum, bytes) => sum + bytes, 0);
        expect(total).toBeLessThanOrEqual((RATE / 1000) * forMs + (connections + 1) * PIECE);
        for (const { name } of parties) {
          const slack = (2 * connections + 2) * PIECE + 0.03 * (due[name] ?? 0);
          expect(Math.abs((read[name] ?? 0) - (due[name] ?? 0))).toBeLessThan(slack);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('lets whoever comes to an idle one go on at once, and sets no timer', async () => {
    let timers = 0;
    const callLater = () => {
      timers += 1;
    };
    let nowMs = 0;
    const fair = new FairShare({ bytesPerSecond: () => RATE, monotonicMs: () => nowMs, callLater });
    for (nowMs = 1000; nowMs < 5000; nowMs += 1000) await fair.pay('one', PIECE);
    expect(timers).toBe(0);
  });
});
