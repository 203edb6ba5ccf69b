import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobClass } from '../../src/media/plan/ffmpeg-job.ts';
import { jobLoad } from '../../src/media/plan/job-load.ts';
import { nextToStart, type SlotJob, slotBudget } from '../../src/workers/slots.ts';

const GIB = 1024 ** 3;
const budget = slotBudget({ cores: 2, memoryBytes: 8 * GIB });
const size = (height: number, fps = 30) => ({ width: Math.round((height * 16) / 9), height, fps });
const ladder = (height: number, fps = 30) =>
  jobLoad(
    size(height, fps),
    [360, 480, 720, 1080].filter((rung) => rung <= height).map((rung) => size(rung, fps)),
  );
const job = (load: SlotJob['load'], waitedSeconds = 0, jobClass: JobClass = 'encode') => ({
  jobClass,
  load,
  waitedSeconds,
});

/** Starts what may start, in turn; answers who runs. */
function fill(waiting: ReturnType<typeof job>[], running: SlotJob[] = []): SlotJob[] {
  const left = [...waiting];
  for (;;) {
    const next = nextToStart(left, running, budget);
    if (next === null) return running;
    left.splice(left.indexOf(next), 1);
    running.push(next);
  }
}

test('one 4K60 job leaves room for small ones, and two large ones do not run together', () => {
  const running = fill([job(ladder(2160, 60)), job(ladder(1080)), job(ladder(2160, 60)), job(ladder(360))]);
  expect(running).toHaveLength(2);
  expect(running.map(({ load }) => load)).toEqual([ladder(2160, 60), ladder(360)]);
});

test('many small ones run together, up to the budget', () => {
  const running = fill(Array.from({ length: 20 }, () => job(ladder(360))));
  expect(running.length).toBeGreaterThan(4);
  expect(running.length).toBeLessThan(20);
});

test('a job too large for the machine runs alone rather than never', () => {
  const huge = job({ pixelsPerSecond: 1e12, memoryBytes: 64 * GIB });
  expect(nextToStart([huge], [], budget)).toBe(huge);
  expect(nextToStart([huge], [job(ladder(360))], budget)).toBeNull();
});

test('memory is a limit of its own', () => {
  const thin = { pixelsPerSecond: 1_000_000, memoryBytes: 1.5 * GIB };
  expect(fill([job(thin), job(thin), job(thin)])).toHaveLength(2);
});

test('small ones overtake a large one until its patience ends', () => {
  const running = [job(ladder(1080))];
  const small = job(ladder(360));
  expect(nextToStart([job(ladder(1080), 10), small], running, budget)).toBe(small);
  expect(nextToStart([job(ladder(1080), 60), small], running, budget)).toBeNull();
});

test('the fast lane goes first and does not wait for the pixels of others', () => {
  const first = job(ladder(360), 0, 'fast-lane');
  const running = [job(ladder(2160, 60)), job(ladder(360))];
  expect(nextToStart([job(ladder(360), 100), first], running, budget)).toBe(first);
});

test('encoding goes before what nobody waits for', () => {
  const encode = job(ladder(360), 1);
  expect(nextToStart([job(ladder(360), 20, 'background'), encode], [], budget)).toBe(encode);
});

test('whatever comes, it fits or is alone, and everybody gets a turn', () => {
  const jobs = fc.record({
    jobClass: fc.constantFrom<JobClass>('fast-lane', 'encode', 'background'),
    load: fc.record({
      pixelsPerSecond: fc.integer({ min: 0, max: 2_000_000_000 }),
      memoryBytes: fc.integer({ min: 0, max: 10 * GIB }),
    }),
    runs: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(fc.array(jobs, { minLength: 1, maxLength: 30 }), (arrivals) => {
      let waiting = arrivals.map((arrival) => ({ ...arrival, waitedSeconds: 0 }));
      let running: typeof waiting = [];
      for (let second = 0; second < 5_000 && (waiting.length > 0 || running.length > 0); second += 1) {
        running = running.map((each) => ({ ...each, runs: each.runs - 1 })).filter(({ runs }) => runs > 0);
        for (let next = nextToStart(waiting, running, budget); next; next = nextToStart(waiting, running, budget)) {
          waiting = waiting.filter((each) => each !== next);
          running.push(next);
        }
        const memory = running.reduce((sum, { load }) => sum + load.memoryBytes, 0);
        const lanes = [true, false].map((fast) =>
          running.filter(({ jobClass }) => (jobClass === 'fast-lane') === fast),
        );
        if (lanes.some((lane) => lane.length > 1))
          expect(memory).toBeLessThanOrEqual(2 * 10 * GIB + budget.memoryBytes);
        waiting = waiting.map((each) => ({ ...each, waitedSeconds: each.waitedSeconds + 1 }));
      }
      expect(waiting).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
