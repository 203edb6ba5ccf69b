import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { generateTrace, type TraceKind } from '../../src/simulation/generate-trace.ts';

function drawLines(kind: TraceKind, count: number) {
  const rng = seededRng(20, 'test');
  const traces = Array.from({ length: count }, () => generateTrace(kind, rng, 300_000));
  const steps = traces.flatMap((trace) => trace.segments);
  return {
    meanKbps: traces.reduce((sum, trace) => sum + trace.totalBits / trace.totalMs, 0) / count,
    shareBelow: (kbps: number) => steps.filter((step) => step.bandwidthKbps < kbps).length / steps.length,
    latencies: steps.map((step) => step.latencyMs),
    variation: traces.map((trace) => {
      const mean = trace.totalBits / trace.totalMs;
      const variance =
        trace.segments.reduce((sum, s) => sum + (s.bandwidthKbps - mean) ** 2, 0) / trace.segments.length;
      return Math.sqrt(variance) / mean;
    }),
  };
}

describe('generated lines', () => {
  it('are the same for the same seed and different for another', () => {
    const once = generateTrace('cellular-3g', seededRng(1, 'test'));
    expect(generateTrace('cellular-3g', seededRng(1, 'test'))).toEqual(once);
    expect(generateTrace('cellular-3g', seededRng(2, 'test'))).not.toEqual(once);
  });

  it('of 3G average 0.9 to 1.5 Mbit/s and spend a tenth of their time below 200 kbit/s', () => {
    const lines = drawLines('cellular-3g', 100);
    expect(lines.meanKbps).toBeGreaterThan(900);
    expect(lines.meanKbps).toBeLessThan(1500);
    expect(lines.shareBelow(200)).toBeGreaterThan(0.08);
    expect(lines.shareBelow(200)).toBeLessThan(0.16);
    expect(Math.min(...lines.latencies)).toBeGreaterThanOrEqual(80);
    expect(Math.max(...lines.latencies)).toBeLessThanOrEqual(150);
  });

  it('of fibre average 25 to 80 Mbit/s and hardly move', () => {
    const lines = drawLines('fibre', 100);
    expect(lines.meanKbps).toBeGreaterThan(25_000);
    expect(lines.meanKbps).toBeLessThan(80_000);
    expect(lines.shareBelow(10_000)).toBe(0);
    expect(Math.max(...lines.variation)).toBeLessThan(0.25);
    expect(Math.max(...lines.latencies)).toBeLessThanOrEqual(15);
  });

  it('of LTE and cable lie between the two', () => {
    const slow = drawLines('cellular-3g', 40).meanKbps;
    const fast = drawLines('fibre', 40).meanKbps;
    for (const kind of ['lte', 'cable'] as const) {
      expect(drawLines(kind, 40).meanKbps).toBeGreaterThan(slow);
      expect(drawLines(kind, 40).meanKbps).toBeLessThan(fast);
    }
  });
});
