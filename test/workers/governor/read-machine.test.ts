import { expect, test } from 'vitest';
import { processorTicks, processTicks, stallSeconds } from '../../../src/workers/governor/read-machine.ts';
import { sampleBetween } from '../../../src/workers/governor/sample.ts';

test('processor time is read from the first line of /proc/stat, guests not twice', () => {
  const stat = 'cpu  100 20 30 400 50 1 2 3 40 5\ncpu0 50 10 15 200 25 0 1 1 20 2\n';
  expect(processorTicks(stat)).toEqual({ busy: 153, total: 606 });
});

test('a process that calls itself anything is read all the same', () => {
  const stat = '4711 (a) R 1) S 1 4711 4711 0 -1 4194304 100 0 0 0 7 5 11 13 20 0 1 0 100 0 0';
  expect(processTicks(stat)).toEqual({ own: 12, endedChildren: 24 });
});

test('stalls are read in seconds, and a kernel that keeps none says nothing', () => {
  const pressure =
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n';
  expect(stallSeconds(pressure, 'some')).toBe(2.5);
  expect(stallSeconds(pressure, 'full')).toBe(1);
  expect(stallSeconds(null, 'full')).toBeNull();
});

const counters = {
  atMs: 0,
  busySeconds: 100,
  totalSeconds: 1_000,
  childrenSeconds: 10,
  ioStallSeconds: 5,
  memoryStallSeconds: null,
};

test('what others used is what was used without our children', () => {
  const now = { ...counters, busySeconds: 101.6, totalSeconds: 1_002, childrenSeconds: 11, ioStallSeconds: 5.5 };
  expect(sampleBetween(counters, now, 1, [])).toEqual({
    seconds: 1,
    ownCpu: 0.5,
    othersCpu: expect.closeTo(0.3),
    ioStall: 0.5,
    memoryStall: 0,
    latencies: [],
  });
});

test('clocks that stand still and machines that say nothing leave the latencies', () => {
  const latencies = [{ source: 'api', ms: 3, floorMs: 12 }];
  for (const now of [counters, null]) {
    expect(sampleBetween(counters, now, 0.5, latencies)).toMatchObject({ ownCpu: 0, othersCpu: 0, latencies });
  }
});
