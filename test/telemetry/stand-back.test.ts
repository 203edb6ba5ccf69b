import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../src/telemetry/spool/segment-files.ts';
import { Shipper } from '../../src/telemetry/spool/shipper.ts';
import { waitFor } from '../fixtures/wait-for.ts';

const MAX_AGE_MS = 10_000;
const MAX_BYTES = 100;

let isBusy: boolean;
let looks: number;
let nowMs: number;
let applied: string[];
let shipper: Shipper;
beforeEach(() => {
  [isBusy, looks, nowMs, applied] = [true, 0, 1_000_000, []];
  shipper = new Shipper({
    database: {
      query: async () => [],
      command: async () => {},
      insertFile: async (_table, _path, id) => void applied.push(id),
    },
    table: 'events',
    standBack: {
      isBusy() {
        looks += 1;
        return isBusy;
      },
      nowMs: () => nowMs,
      maxAgeMs: MAX_AGE_MS,
      maxBytes: MAX_BYTES,
    },
    deadDirectory: '/nowhere',
    afterApply: async () => {},
    release: async () => {},
  });
});
afterEach(() => shipper.stop());

function enqueue(id: string, of: { bytes?: number; writtenAtMs?: number } = {}): void {
  const segment: Segment = { id, sequence: 1, rows: 1, bytes: 10, path: id, writtenAtMs: nowMs, ...of };
  shipper.enqueue(segment);
}
const looksAgain = () => {
  const before = looks;
  return waitFor('it to look again whether there is time', () => looks > before);
};
const allApplied = (...ids: string[]) => waitFor(`${ids} to be applied`, () => applied.join() === ids.join());

describe('a shipper in a busy process', () => {
  it('waits until there is time', async () => {
    enqueue('s-1');
    await looksAgain();
    await looksAgain();
    expect([applied, shipper.backlog]).toEqual([[], 1]);
    isBusy = false;
    await allApplied('s-1');
  });

  it('does not wait for ever: what is old enough is applied, busy or not', async () => {
    enqueue('old', { writtenAtMs: nowMs - MAX_AGE_MS + 1 });
    enqueue('new');
    await looksAgain();
    expect(applied).toEqual([]);
    nowMs += 1;
    await allApplied('old');
    await looksAgain();
    expect(applied).toEqual(['old']);
    nowMs += MAX_AGE_MS;
    await allApplied('old', 'new');
  });

  it('does not let more wait than it may: it applies until so much is left', async () => {
    enqueue('s-1', { bytes: 60 });
    await looksAgain();
    enqueue('s-2', { bytes: 60 });
    await allApplied('s-1');
    await looksAgain();
    expect(applied).toEqual(['s-1']);
  });

  it('waits no longer when somebody wants to see everything applied', async () => {
    enqueue('s-1');
    enqueue('s-2');
    await looksAgain();
    expect(await shipper.settle(5_000)).toBe(true);
    expect(applied).toEqual(['s-1', 's-2']);
    enqueue('s-3');
    await looksAgain();
    expect(applied).toEqual(['s-1', 's-2']);
  });

  it('can be stopped while it waits', async () => {
    enqueue('s-1');
    await looksAgain();
    await shipper.stop();
    expect(applied).toEqual([]);
  });
});
