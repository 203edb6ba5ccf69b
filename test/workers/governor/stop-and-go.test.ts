import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JobClass } from '../../../src/media/plan/ffmpeg-job.ts';
import { createStopAndGo, type StopAndGo } from '../../../src/workers/governor/stop-and-go.ts';

let stopAndGo: StopAndGo;
beforeEach(() => {
  vi.useFakeTimers();
  stopAndGo = createStopAndGo(() => Date.now());
});
afterEach(() => {
  stopAndGo.stop();
  vi.useRealTimers();
});

function child() {
  const signals: string[] = [];
  return { signals, running: () => signals.at(-1) !== 'SIGSTOP', kill: (signal: string) => signals.push(signal) > 0 };
}
const all = (duty: number) => (_: JobClass) => duty;

test.each([0.05, 0.3, 0.75])('a duty of %d runs for that share of the time', (duty) => {
  const paced = stopAndGo.add(child(), 'encode');
  stopAndGo.setDuties(all(duty));
  vi.advanceTimersByTime(60_000);
  expect(paced.pausedMs() / 60_000).toBeCloseTo(1 - duty, 1);
});

test('at full duty nothing ticks and nobody is signalled', () => {
  const one = child();
  stopAndGo.add(one, 'encode');
  stopAndGo.setDuties(all(1));
  vi.advanceTimersByTime(10_000);
  expect(one.signals).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('all of a class stop together, and each class by its own duty', () => {
  const [one, two, first] = [child(), child(), child()];
  stopAndGo.add(one, 'background');
  stopAndGo.add(two, 'background');
  stopAndGo.add(first, 'fast-lane');
  stopAndGo.setDuties((jobClass) => (jobClass === 'fast-lane' ? 1 : 0.5));
  for (let tick = 0; tick < 100; tick += 1) {
    vi.advanceTimersByTime(50);
    expect(one.running()).toBe(two.running());
    expect(first.running()).toBe(true);
  }
});

test('a pause reaches who comes during it, and its end reaches everybody', () => {
  const early = child();
  const late = child();
  stopAndGo.add(early, 'encode');
  stopAndGo.setDuties(all(0));
  vi.advanceTimersByTime(500);
  const paced = stopAndGo.add(late, 'encode');
  expect(late.running()).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(paced.pausedMs()).toBe(1_000);
  stopAndGo.setDuties(all(1));
  expect([early.running(), late.running()]).toEqual([true, true]);
  vi.advanceTimersByTime(1_000);
  expect(paced.pausedMs()).toBe(1_000);
});

test('who leaves goes on, and what has ended is not counted as stopped', () => {
  const leaving = child();
  const paced = stopAndGo.add(leaving, 'encode');
  const ended = stopAndGo.add({ kill: () => false }, 'encode');
  stopAndGo.setDuties(all(0));
  vi.advanceTimersByTime(500);
  paced.remove();
  expect(leaving.running()).toBe(true);
  expect(ended.pausedMs()).toBe(0);
});

test('stopping the pacer leaves nobody stopped', () => {
  const one = child();
  stopAndGo.add(one, 'encode');
  stopAndGo.setDuties(all(0));
  vi.advanceTimersByTime(500);
  stopAndGo.stop();
  expect(one.running()).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
