import { expect, test } from 'vitest';
import { createSlotQueue } from '../../src/workers/slot-queue.ts';

const budget = { pixelsPerSecond: 100, memoryBytes: 100 };
const never = new AbortController().signal;
const heavy = { jobClass: 'encode' as const, load: { pixelsPerSecond: 60, memoryBytes: 10 } };

test('who does not fit waits until somebody gives a slot back', async () => {
  const slots = createSlotQueue(budget);
  const first = await slots.take(heavy, never);
  const second = slots.take(heavy, never);
  expect(slots.counts()).toEqual({ running: 1, waiting: 1 });
  first();
  const leave = await second;
  expect(slots.counts()).toEqual({ running: 1, waiting: 0 });
  leave();
  leave();
  expect(slots.counts()).toEqual({ running: 0, waiting: 0 });
});

test('an abort leaves the line, and those behind move up', async () => {
  const slots = createSlotQueue(budget);
  const leave = await slots.take(heavy, never);
  const abort = new AbortController();
  const impatient = slots.take(heavy, abort.signal);
  const patient = slots.take(heavy, never);
  abort.abort(new Error('stopping'));
  await expect(impatient).rejects.toThrow('stopping');
  leave();
  (await patient)();
  expect(slots.counts()).toEqual({ running: 0, waiting: 0 });
});

test('aborted before it came, it does not even get in line', async () => {
  const slots = createSlotQueue(budget);
  await expect(slots.take(heavy, AbortSignal.abort(new Error('no')))).rejects.toThrow('no');
  expect(slots.counts()).toEqual({ running: 0, waiting: 0 });
});
