import { expect, test } from 'vitest';
import { harmOf, limitMs, rememberIdle } from '../../../src/workers/governor/harm.ts';

const reading = (ms: number) => ({ source: 'api', ms, floorMs: 20 });

test('harm is the worst of all, against what each bears', () => {
  const sample = { othersCpu: 0.2, ioStall: 0.15, memoryStall: 0, latencies: [reading(30)] };
  expect(harmOf(sample, {})).toEqual({ worst: 1.5, reason: 'api' });
  expect(harmOf(sample, { api: 30 })).toEqual({ worst: 0.5, reason: 'io' });
});

test('idle is what is read while nothing is encoded, however slow that is', () => {
  let idle = {};
  for (let second = 0; second < 20; second += 1) idle = rememberIdle(idle, [reading(90)], second);
  expect(limitMs(reading(0), idle)).toBeCloseTo(180, 0);
});

test('what is read beside encoders does not pass for idle', () => {
  let idle = {};
  for (let second = 0; second < 20; second += 1) idle = rememberIdle(idle, [reading(90)], 0);
  expect(limitMs(reading(0), idle)).toBe(20);
});

test('an idle that was once slow is forgotten when even beside encoders it is faster', () => {
  let idle = { api: 200 };
  for (let second = 0; second < 120; second += 0.5) idle = { api: 0, ...rememberIdle(idle, [reading(4)], 0) };
  expect(limitMs(reading(0), idle)).toBeLessThan(25);
});

test('one hiccup in a pause teaches little', () => {
  expect(limitMs(reading(0), rememberIdle({ api: 4 }, [reading(5_000)], 5))).toBeLessThan(30);
});
