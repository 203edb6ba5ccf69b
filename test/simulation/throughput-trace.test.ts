import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bitsBetween,
  constantTrace,
  createTrace,
  downloadDurationMs,
  latencyAtMs,
  meanBandwidthKbps,
  transferDurationMs,
} from '../../src/simulation/throughput-trace.ts';

const segmentArbitrary = fc.record({
  durationMs: fc.integer({ min: 1, max: 5000 }),
  bandwidthKbps: fc.integer({ min: 0, max: 20_000 }),
  latencyMs: fc.integer({ min: 0, max: 300 }),
});
const traceArbitrary = fc
  .array(segmentArbitrary, { minLength: 1, maxLength: 12 })
  .filter((segments) => segments.some((segment) => segment.bandwidthKbps > 0))
  .map(createTrace);

describe('a throughput trace', () => {
  const halfDead = createTrace([
    { durationMs: 1000, bandwidthKbps: 1000, latencyMs: 0 },
    { durationMs: 1000, bandwidthKbps: 0, latencyMs: 0 },
  ]);

  it('carries 125,000 bytes in one second at 1,000 kbit/s', () => {
    expect(downloadDurationMs(constantTrace(1000, 0), 0, 125_000)).toBe(1000);
  });

  it('adds the latency of the moment of the request, then transfers', () => {
    const trace = createTrace([
      { durationMs: 500, bandwidthKbps: 800, latencyMs: 200 },
      { durationMs: 10_000, bandwidthKbps: 400, latencyMs: 50 },
    ]);
    // Asked at 400: first byte at 600, in the second segment, where 100,000 bytes take 2,000 ms.
    expect(downloadDurationMs(trace, 400, 100_000)).toBe(2200);
  });

  it('waits through a dead stretch and goes on in the next loop', () => {
    expect(transferDurationMs(halfDead, 500, 1_000_000)).toBe(2000);
  });

  it('ends a transfer at the instant of its last bit, not after the dead stretch that follows', () => {
    expect(transferDurationMs(halfDead, 0, 1_000_000)).toBe(1000);
    expect(transferDurationMs(halfDead, 2000, 1_000_000)).toBe(1000);
  });

  it('loops: one period later everything is the same', () => {
    expect(bitsBetween(halfDead, 0, 20_000)).toBe(10_000_000);
    expect(latencyAtMs(constantTrace(1, 7), 123_456)).toBe(7);
    expect(meanBandwidthKbps(halfDead, 250, 4250)).toBe(500);
  });

  it('has carried exactly the bits of a transfer when that transfer ends', () => {
    fc.assert(
      fc.property(traceArbitrary, fc.nat(60_000), fc.integer({ min: 1, max: 50_000_000 }), (trace, atMs, bits) => {
        const endMs = atMs + transferDurationMs(trace, atMs, bits);
        expect(bitsBetween(trace, atMs, endMs)).toBeCloseTo(bits, 0);
      }),
    );
  });

  it('never lets more bytes arrive sooner', () => {
    fc.assert(
      fc.property(traceArbitrary, fc.nat(60_000), fc.nat(5_000_000), fc.nat(100_000), (trace, atMs, bytes, more) => {
        const lessMs = downloadDurationMs(trace, atMs, bytes);
        expect(downloadDurationMs(trace, atMs, bytes + more)).toBeGreaterThanOrEqual(lessMs - 1e-6);
      }),
    );
  });

  it('names the field of a segment it refuses', () => {
    expect(() => createTrace([{ durationMs: 0, bandwidthKbps: 1, latencyMs: 0 }])).toThrow(
      'trace.segments[0].durationMs must be above 0 (got 0)',
    );
    expect(() => createTrace([{ durationMs: 1, bandwidthKbps: -1, latencyMs: 0 }])).toThrow('bandwidthKbps');
    expect(() => createTrace([{ durationMs: 1, bandwidthKbps: 1, latencyMs: Number.NaN }])).toThrow('latencyMs');
    expect(() => createTrace([{ durationMs: 1, bandwidthKbps: 0, latencyMs: 0 }])).toThrow('at least one bit');
  });
});
