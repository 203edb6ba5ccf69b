import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Playback, playHls, type Sitting } from '../../src/simulation/hls-player.ts';
import type { Ladder, LadderRendition } from '../../src/simulation/ladder.ts';
import { constantTrace, createTrace, type ThroughputTrace } from '../../src/simulation/throughput-trace.ts';

const SEGMENT_MS = 2000;

/** A rendition whose every segment is exactly its bitrate. */
function rendition(kbps: number, segmentCount = 12): LadderRendition {
  const bytes = (kbps * SEGMENT_MS) / 8;
  const segments = Array.from({ length: segmentCount }, () => ({ durationMs: SEGMENT_MS, bytes }));
  return { id: `v${kbps}`, bitrateKbps: kbps, segments };
}

function sitting(trace: ThroughputTrace, wantedMs: number, patienceMs = Number.POSITIVE_INFINITY): Sitting {
  return { trace, joinAtMs: 0, wantedMs, startPatienceMs: patienceMs, stallPatienceMs: patienceMs };
}

function shownMs(playback: Playback): Record<string, number> {
  return Object.fromEntries(playback.renditionIds.map((id, level) => [id, playback.final.rungMs[level] ?? 0]));
}

describe('the model player on a constant line', () => {
  it('starts after four round trips, one more and one segment, and never stalls', () => {
    const { final, endCause } = playHls({ renditions: [rendition(1000)] }, sitting(constantTrace(2000, 100), 20_000));
    expect(final).toMatchObject({ startupMs: 1500, playedMs: 20_000, stalledMs: 0, stallCount: 0, atMs: 21_500 });
    expect(endCause).toBe('enough');
  });

  it('starts at what 500 kbit/s carries, then stays on the highest rung below 0.7 of the line', () => {
    const ladder = { renditions: [400, 800, 1600, 3200].map((kbps) => rendition(kbps)) };
    const playback = playHls(ladder, sitting(constantTrace(2000, 0), 30_000));
    expect(shownMs(playback)).toEqual({ v400: 2000, v800: 28_000, v1600: 0, v3200: 0 });
    expect(playback.final).toMatchObject({ startupMs: 400, stalledMs: 0, switchesUp: 1, switchesDown: 0 });
  });

  it('starts higher when the first listed variant is higher, as hls.js does', () => {
    const ladder = { renditions: [800, 400, 1600].map((kbps) => rendition(kbps)) };
    const playback = playHls(ladder, sitting(constantTrace(2000, 0), 30_000));
    expect(shownMs(playback)).toEqual({ v400: 0, v800: 30_000, v1600: 0 });
    expect(playback.final.startupMs).toBe(800);
  });

  it('buffers no more than 30 s and a segment ahead', () => {
    const { final } = playHls({ renditions: [rendition(1000)] }, sitting(constantTrace(100_000, 0), 60_000));
    const fetchedMs = (final.bytes * 8) / 1000;
    expect(fetchedMs).toBeGreaterThanOrEqual(90_000);
    expect(fetchedMs).toBeLessThanOrEqual(92_000);
  });

  it('downloads the sound that belongs to the picture before showing it', () => {
    const audio = { segments: Array.from({ length: 6 }, () => ({ durationMs: 4000, bytes: 50_000 })) };
    const { final } = playHls({ renditions: [rendition(1000)], audio }, sitting(constantTrace(2000, 0), 4000));
    // 2,000 kbit of picture and 400 kbit of sound at 2,000 kbit/s.
    expect(final.startupMs).toBe(1200);
    expect(final.stalledMs).toBe(0);
  });

  it('plays on from its beginning when a short title ends', () => {
    const { final } = playHls({ renditions: [rendition(500, 3)] }, sitting(constantTrace(5000, 0), 60_000));
    expect(final).toMatchObject({ playedMs: 60_000, stalledMs: 0 });
  });
});

describe('the model player when the line gives way', () => {
  it('stalls for exactly as long as the next segment is late', () => {
    // One segment in a second, then one in four: shown for two, missing for two, and so on.
    const trace = createTrace([
      { durationMs: 1000, bandwidthKbps: 2000, latencyMs: 0 },
      { durationMs: 1_000_000, bandwidthKbps: 500, latencyMs: 0 },
    ]);
    const { final, events } = playHls({ renditions: [rendition(1000)] }, sitting(trace, 6000));
    expect(final).toMatchObject({ startupMs: 1000, playedMs: 6000, stalledMs: 4000, stallCount: 2, atMs: 11_000 });
    expect(events).toEqual([
      { kind: 'startup', atMs: 1000 },
      { kind: 'stall', atMs: 5000, durationMs: 2000 },
      { kind: 'stall', atMs: 9000, durationMs: 2000 },
    ]);
  });

  it('gives up a large segment for a small one in time, and counts the bytes it wasted', () => {
    const trace = createTrace([
      { durationMs: 900, bandwidthKbps: 10_000, latencyMs: 0 },
      { durationMs: 1_000_000, bandwidthKbps: 1000, latencyMs: 0 },
    ]);
    const playback = playHls({ renditions: [rendition(500), rendition(4000)] }, sitting(trace, 6000));
    // Low 0–100 ms, high until 900, a second high one given up at 2,000 after 1,100 kbit, low again from then on.
    // That one alone would have come at 8,900, 4,800 after the buffer's end.
    expect(playback.final).toMatchObject({ startupMs: 100, stalledMs: 0, switchesUp: 1, switchesDown: 1 });
    expect(shownMs(playback)).toEqual({ v500: 4000, v4000: 2000 });
    const fetchedBytes = (10_000 * 900 + 1000 * (playback.final.atMs - 900)) / 8;
    expect(playback.final.bytes).toBe(Math.round(fetchedBytes));
  });

  it('ends in the stall that outlasts the viewer', () => {
    const trace = createTrace([
      { durationMs: 1000, bandwidthKbps: 2000, latencyMs: 0 },
      { durationMs: 1_000_000, bandwidthKbps: 1, latencyMs: 0 },
    ]);
    const patient = { ...sitting(trace, 60_000), stallPatienceMs: 7000 };
    const { final, endCause } = playHls({ renditions: [rendition(1000)] }, patient);
    expect(endCause).toBe('impatient-stall');
    expect(final).toMatchObject({ startupMs: 1000, playedMs: 2000, stalledMs: 7000, stallCount: 1, atMs: 10_000 });
  });

  it('is left before it starts by someone who will not wait', () => {
    const { final, endCause, events } = playHls(
      { renditions: [rendition(1000)] },
      sitting(constantTrace(100, 50), 60_000, 5000),
    );
    expect(endCause).toBe('impatient-start');
    expect(final).toMatchObject({ startupMs: null, playedMs: 0, stalledMs: 0, atMs: 5000 });
    expect(final.bytes).toBe((4750 * 100) / 8);
    expect(events).toEqual([]);
  });
});

const traceArbitrary = fc
  .array(
    fc.record({
      durationMs: fc.integer({ min: 200, max: 8000 }),
      bandwidthKbps: fc.integer({ min: 50, max: 12_000 }),
      latencyMs: fc.constant(80),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map(createTrace);
const ladderArbitrary: fc.Arbitrary<Ladder> = fc
  .uniqueArray(fc.integer({ min: 100, max: 6000 }), { minLength: 1, maxLength: 7 })
  .map((rates) => ({ renditions: rates.map((kbps) => rendition(kbps)) }));
const wantedArbitrary = fc.integer({ min: 1, max: 90_000 });

describe('any view of the model player', () => {
  it('is the same for the same inputs, and its wall time is startup, play and stalls', () => {
    fc.assert(
      fc.property(ladderArbitrary, traceArbitrary, wantedArbitrary, (ladder, trace, wantedMs) => {
        const playback = playHls(ladder, sitting(trace, wantedMs, 60_000));
        expect(playHls(ladder, sitting(trace, wantedMs, 60_000))).toEqual(playback);
        const { startupMs, playedMs, stalledMs, rungMs, atMs, stallCount } = playback.final;
        expect((startupMs ?? atMs) + playedMs + stalledMs).toBeCloseTo(atMs, 4);
        expect(rungMs.reduce((sum, shown) => sum + shown, 0)).toBeCloseTo(playedMs, 4);
        const stalls = playback.events.filter((event) => event.kind === 'stall');
        expect(stalls).toHaveLength(stallCount);
        expect(stalls.reduce((sum, stall) => sum + stall.durationMs, 0)).toBeCloseTo(stalledMs, 4);
        if (playback.endCause === 'enough') expect(playedMs).toBeCloseTo(wantedMs, 6);
      }),
    );
  });

  it('has counters that only rise from report to report', () => {
    fc.assert(
      fc.property(ladderArbitrary, traceArbitrary, (ladder, trace) => {
        const { progress, final } = playHls(ladder, sitting(trace, 300_000, 60_000));
        [...progress, final].reduce((before, after) => {
          for (const name of ['atMs', 'playedMs', 'stalledMs', 'stallCount', 'bytes', 'switchesUp'] as const) {
            expect(after[name]).toBeGreaterThanOrEqual(before[name]);
          }
          return after;
        });
      }),
    );
  });

  it('never waits longer, start and stalls together, on one rung when every instant has more bandwidth', () => {
    // Stalls alone may grow: who starts sooner can meet a fade that a slow starter sat out before the start.
    fc.assert(
      fc.property(
        traceArbitrary,
        wantedArbitrary,
        fc.double({ min: 1, max: 8, noNaN: true }),
        (trace, wantedMs, factor) => {
          const faster = createTrace(
            trace.segments.map((segment) => ({ ...segment, bandwidthKbps: segment.bandwidthKbps * factor })),
          );
          const ladder = { renditions: [rendition(900)] };
          const slow = playHls(ladder, sitting(trace, wantedMs)).final;
          const fast = playHls(ladder, sitting(faster, wantedMs)).final;
          expect(fast.atMs).toBeLessThanOrEqual(slow.atMs + 1e-3);
        },
      ),
    );
  });

  it('never stalls longer on one rung when a constant line is faster', () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 3000 }), fc.nat(3000), wantedArbitrary, (kbps, moreKbps, wantedMs) => {
        const ladder = { renditions: [rendition(900)] };
        const slow = playHls(ladder, sitting(constantTrace(kbps, 80), wantedMs)).final;
        const fast = playHls(ladder, sitting(constantTrace(kbps + moreKbps, 80), wantedMs)).final;
        expect(fast.stalledMs).toBeLessThanOrEqual(slow.stalledMs + 1e-3);
      }),
    );
  });

  it('refuses a ladder of nothing', () => {
    expect(() => playHls({ renditions: [] }, sitting(constantTrace(1000, 0), 1))).toThrow('ladder.renditions');
  });
});
