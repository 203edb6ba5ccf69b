import { describe, expect, it } from 'vitest';
import { watchBusyness } from '../../src/commands/process-busyness.ts';
import { waitFor } from '../fixtures/wait-for.ts';

describe('a process', () => {
  it('is busy as soon as a look finds it so, and until ten in a row do not', () => {
    let utilization = 0.5;
    const busyness = watchBusyness(() => utilization);
    const looks = (...values: number[]): boolean[] =>
      values.map((value) => {
        utilization = value;
        busyness.look();
        return busyness.isBusy();
      });
    expect(busyness.isBusy()).toBe(false);
    const atRest = (times: number): number[] => Array.from({ length: times }, () => 0.5);
    expect(looks(0.5, 0.6)).toEqual([false, false]);
    expect(looks(0.9)).toEqual([true]);
    expect(looks(...atRest(9), 0.9)).not.toContain(false);
    expect(looks(...atRest(10)).indexOf(false)).toBe(9);
  });

  it('that waits is at rest, and one that computes is busy', async () => {
    const busyness = watchBusyness();
    await waitFor('it to be at rest', () => {
      busyness.look();
      return !busyness.isBusy();
    });
    const until = performance.now() + 20;
    while (performance.now() < until);
    await new Promise((resolve) => setImmediate(resolve));
    busyness.look();
    expect(busyness.isBusy()).toBe(true);
  });
});
