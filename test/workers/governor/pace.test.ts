import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dutyOf } from '../../../src/workers/governor/duty.ts';
import { FULL_PACE, nextPace, type Pace, type PaceSample } from '../../../src/workers/governor/pace.ts';

const SECONDS = 0.5;
const quiet: PaceSample = {
  seconds: SECONDS,
  ownCpu: 0,
  othersCpu: 0,
  ioStall: 0,
  memoryStall: 0,
  latencies: [],
};
const waits = (ms: number) => [{ source: 'api', ms, floorMs: 20 }];

/** Runs a machine that answers to the pace, for so many seconds; every pace on the way. */
function run(plant: (pace: Pace, atSeconds: number) => Partial<PaceSample>, seconds: number, share = 0.75): Pace[] {
  const paces: Pace[] = [];
  let pace = FULL_PACE;
  for (let at = 0; at < seconds; at += SECONDS) {
    pace = nextPace(pace, { ...quiet, ...plant(pace, at) }, share);
    paces.push(pace);
  }
  return paces;
}
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const last = (paces: readonly Pace[]): Pace => paces.at(-1) ?? FULL_PACE;

describe('share', () => {
  test('alone on the machine, encoding takes all of it', () => {
    const paces = run((pace) => ({ ownCpu: pace.level }), 20);
    expect(paces.every(({ level }) => level === 1)).toBe(true);
  });

  test('while others need the machine it is held to its share, and let go when they do not', () => {
    const paces = run((pace, at) => {
      const others = at < 20 ? 0.4 : 0.01;
      return { ownCpu: Math.min(pace.level, 1), othersCpu: others };
    }, 40);
    const busy = paces.slice(10, 38).map(({ level }) => level);
    expect(Math.max(...busy)).toBeLessThanOrEqual(0.76);
    expect(Math.min(...busy)).toBeGreaterThan(0.7);
    expect(last(paces).level).toBe(1);
  });

  test('encoders that cannot use their share are not slowed for it', () => {
    const paces = run((pace) => ({ ownCpu: 0.5 * pace.level, othersCpu: 0.4 }), 20);
    expect(last(paces).level).toBeGreaterThan(0.99);
  });

  test('whatever the share and however much encoders could use, they stay near it', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (share, use) => {
          const paces = run((pace) => ({ ownCpu: use * pace.level, othersCpu: 0.3 }), 30, share);
          const settled = paces.slice(-20).map(({ level }) => level);
          for (const level of settled) expect(use * level).toBeLessThanOrEqual(share + 0.02);
          expect(Math.max(...settled) - Math.min(...settled)).toBeLessThan(0.05);
          expect(use * mean(settled)).toBeGreaterThan(Math.min(share, use) - 0.05);
        },
      ),
    );
  });
});

describe('starving', () => {
  const starved = { ownCpu: 0.01, othersCpu: 0.99 };

  test('standing still beside many others lifts it, until there is room', () => {
    const paces = run((_, at) => (at < 30 ? starved : { ownCpu: 0.3, othersCpu: 0.4 }), 60);
    expect(paces.findIndex(({ lifted }) => lifted)).toBeGreaterThan(10);
    expect(paces[50]?.lifted).toBe(true);
    expect(last(paces).lifted).toBe(false);
  });

  test('once lifted it does not fall back for having more', () => {
    const paces = run((pace) => (pace.lifted ? { ownCpu: 0.1, othersCpu: 0.9 } : starved), 60);
    expect(paces.slice(40).every(({ lifted }) => lifted)).toBe(true);
  });

  test('a machine that nobody encodes on lifts nobody', () => {
    expect(run(() => ({ ownCpu: 0, othersCpu: 1 }), 60).some(({ lifted }) => lifted)).toBe(false);
  });
});

describe('latency', () => {
  test('what others wait because of encoding goes down to what they bear, without a pause', () => {
    const paces = run((pace) => ({ ownCpu: pace.level, othersCpu: 0.05, latencies: waits(5 + 40 * pace.level) }), 60);
    const settled = paces.slice(40);
    expect(settled.every(({ level }) => level > 0.05)).toBe(true);
    expect(mean(settled.map(({ level }) => 5 + 40 * level))).toBeLessThan(22);
    expect(settled.some(({ reason }) => reason === 'api')).toBe(true);
  });

  test('it never hunts: between bounds that hold it stays put', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 60, noNaN: true }), (steepness) => {
        const plant = (pace: Pace) => ({ ownCpu: pace.level, latencies: waits(2 + steepness * pace.level) });
        const settled = run(plant, 90).slice(-60);
        const steps = settled.map(({ level }, index) => Math.abs(level - (settled[index - 1]?.level ?? level)));
        expect(mean(steps)).toBeLessThan(0.05);
      }),
    );
  });

  test('great harm pauses it, and calm lets it go on', () => {
    const paces = run((_, at) => ({ ownCpu: 0.5, latencies: waits(at >= 2 && at < 6 ? 500 : 2) }), 20);
    expect(paces.some(({ level }) => level === 0)).toBe(true);
    expect(last(paces).level).toBe(1);
  });

  test('one slow answer is chance', () => {
    const paces = run((_, at) => ({ ownCpu: 0.5, latencies: waits(at === 5 ? 500 : 2) }), 12);
    expect(paces.every(({ level }) => level === 1)).toBe(true);
  });

  test('what does not get better by waiting is not ours: it goes on', () => {
    const paces = run((pace) => ({ ownCpu: pace.level, latencies: waits(300) }), 240);
    expect(paces.some(({ level }) => level === 0)).toBe(true);
    expect(last(paces).level).toBeGreaterThan(0.9);
  });
});

describe('pressure', () => {
  test('stalls for memory pause it', () => {
    const paces = run(() => ({ ownCpu: 0.5, memoryStall: 0.5 }), 4);
    expect(paces.some(({ level, reason }) => level === 0 && reason === 'memory')).toBe(true);
  });

  test('waiting for a disk that nobody else uses is its own business', () => {
    const paces = run(() => ({ ownCpu: 0.3, othersCpu: 0, ioStall: 0.9 }), 20);
    expect(last(paces).level).toBe(1);
    const shared = run(() => ({ ownCpu: 0.3, othersCpu: 0.05, ioStall: 0.9 }), 20);
    expect(Math.min(...shared.map(({ level }) => level))).toBeLessThan(0.2);
  });
});

test('whatever happens, encoding goes on: every minute every class gets some of it', () => {
  const fraction = fc.double({ min: 0, max: 1, noNaN: true });
  const samples = fc.array(
    fc.record({
      ownCpu: fraction,
      othersCpu: fraction,
      ioStall: fraction,
      memoryStall: fraction,
      latencyMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
    }),
    { minLength: 120, maxLength: 150 },
  );
  fc.assert(
    fc.property(samples, fc.double({ min: 0.1, max: 1, noNaN: true }), (given, share) => {
      const paces = run(
        (_, at) => {
          const { latencyMs = 0, ...sample } = given[Math.floor(at / SECONDS) % given.length] ?? {};
          return { ...sample, latencies: waits(latencyMs) };
        },
        given.length * SECONDS,
        share,
      );
      for (const pace of paces) {
        const duties = (['fast-lane', 'encode', 'background'] as const).map((jobClass) => dutyOf(jobClass, pace));
        expect(duties.every((duty) => duty >= 0 && duty <= 1)).toBe(true);
        expect([...duties].sort((a, b) => b - a)).toEqual(duties);
      }
      for (let from = 0; from + 120 <= paces.length; from += 60) {
        const minute = paces.slice(from, from + 120);
        expect(mean(minute.map((pace) => dutyOf('encode', pace)))).toBeGreaterThan(0.03);
        expect(mean(minute.map((pace) => dutyOf('background', pace)))).toBeGreaterThan(0.015);
        expect(mean(minute.map((pace) => dutyOf('fast-lane', pace)))).toBeGreaterThan(0.09);
      }
    }),
    { numRuns: 25 },
  );
});
