import { expect, test, vi } from 'vitest';
import { repeatEvery } from '../../src/workers/repeat-every.ts';
import { shareRuns } from '../../src/workers/share-runs.ts';
import { TooLateError, within } from '../../src/workers/within.ts';

test('a run that is asked for while it is running is shared; the next one is new', async () => {
  const shared = shareRuns();
  let runs = 0;
  let finish: (value: number) => void = () => {};
  const run = () =>
    new Promise<number>((resolve) => {
      runs += 1;
      finish = resolve;
    });
  const both = Promise.all([shared('encode a_1', run), shared('encode a_1', run)]);
  finish(7);
  expect(await both).toEqual([7, 7]);
  expect(runs).toBe(1);
  const again = shared('encode a_1', run);
  finish(8);
  expect(await again).toBe(8);
  const failing = () => Promise.reject(new Error('no'));
  await expect(shared('x', failing)).rejects.toThrow('no');
  await expect(shared('x', failing)).rejects.toThrow('no');
});

test('what comes in time is the value, what does not is an error', async () => {
  expect(await within(1000, 'answering', Promise.resolve(1))).toBe(1);
  await expect(within(1000, 'answering', Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(within(1, 'answering', new Promise(() => {}))).rejects.toBeInstanceOf(TooLateError);
});

test('a repeated run begins at once, never overlaps, survives its errors and ends', async () => {
  vi.useFakeTimers();
  try {
    let begun = 0;
    let running = 0;
    const errors: unknown[] = [];
    const stop = repeatEvery(
      1000,
      async () => {
        begun += 1;
        running += 1;
        expect(running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5000));
        running -= 1;
        if (begun === 2) throw new Error('no');
      },
      (error) => errors.push(error),
    );
    expect(begun).toBe(1);
    await vi.advanceTimersByTimeAsync(5999);
    expect(begun).toBe(1);
    await vi.advanceTimersByTimeAsync(6001);
    expect(begun).toBe(3);
    expect(errors).toHaveLength(1);
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(begun).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});
