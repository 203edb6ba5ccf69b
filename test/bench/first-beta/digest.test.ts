import { describe, expect, test } from 'vitest';
import { drawChart } from '../../../bench/first-beta/chart.ts';
import { compare } from '../../../bench/first-beta/compare.ts';
import { digest } from '../../../bench/first-beta/digest.ts';
import type { Sample } from '../../../bench/first-beta/samples.ts';

const UPLOADS_FROM_MS = 100_000;
const upload = {
  startedAtMs: UPLOADS_FROM_MS,
  uploadedAtMs: UPLOADS_FROM_MS + 4_000,
  playableAtMs: UPLOADS_FROM_MS + 5_000,
  completeAtMs: UPLOADS_FROM_MS + 10_000,
  playable: true,
};

/** A read every 50 ms: 10 ms while idle, `busyMs` from the first upload on. */
function play(busyMs: number, change: (sample: Sample) => Sample = (sample) => sample) {
  const samples: Sample[] = [];
  for (let atMs = UPLOADS_FROM_MS - 6_000; atMs < UPLOADS_FROM_MS + 12_000; atMs += 50) {
    const firstByteMs = atMs < UPLOADS_FROM_MS ? 10 : busyMs;
    samples.push(change({ kind: 'feed', atMs, firstByteMs, failure: null }));
  }
  return {
    samples,
    uploads: [upload],
    idleFromMs: UPLOADS_FROM_MS - 6_000,
    uploadsFromMs: UPLOADS_FROM_MS,
    endedAtMs: UPLOADS_FROM_MS + 12_000,
  };
}

describe('first-beta as numbers', () => {
  test('keeps the idle machine and the busy one apart, in windows that begin with the first upload', () => {
    const { idle, busy, windows, uploads } = digest('governed', play(20));
    expect([idle.p99, busy.p99]).toEqual([10, 20]);
    expect(windows.map(({ fromSeconds, p99Ms }) => [fromSeconds, p99Ms])).toEqual([
      [-6, 10],
      [-3, 10],
      [0, 20],
      [3, 20],
      [6, 20],
      [9, 20],
    ]);
    expect(uploads).toEqual([{ uploaded: 4, playable: 5, complete: 10, plays: true }]);
  });

  test('log-ins and posts are no reads, but when they fail they have failed', () => {
    const slowPost = (sample: Sample): Sample =>
      sample.atMs % 1000 === 0 ? { ...sample, kind: 'post', firstByteMs: 900, failure: 'timed out' } : sample;
    const { busy, failures } = digest('governed', play(20, slowPost));
    expect(busy.max).toBe(20);
    expect(failures).toHaveLength(18);
    expect(failures[0]).toBe('post: timed out');
  });

  test('the target is missed above 25 ms and above twice what an idle machine took', () => {
    const met = (busyMs: number): boolean | undefined =>
      compare([digest('governed', play(busyMs)), digest('governor off', play(90))])[0]?.met;
    expect([met(25), met(26)]).toEqual([true, false]);
  });

  test('encodes may take half again as long as without the governor', () => {
    const met = (encodeMs: number): boolean | undefined => {
      const slow = { ...play(20), uploads: [{ ...upload, completeAtMs: upload.uploadedAtMs + encodeMs }] };
      const rows = compare([digest('governed', slow), digest('governor off', play(90))]);
      return rows.find(({ metric }) => metric.includes('last byte to complete'))?.met;
    };
    expect([met(9_000), met(9_100)]).toEqual([true, false]);
  });
});

describe('the picture of first-beta', () => {
  test('has a panel for each variant and only numbers for places', () => {
    const variants = [digest('governed', play(20)), digest('governor off', play(90)), digest('naive', play(700))];
    const svg = drawChart({ machine: 'a & b', at: '2026-01-01', uploads: '5 × 20 MB', windowSeconds: 3, variants });
    expect(svg.match(/<polyline/g)).toHaveLength(3);
    expect(svg).toContain('p99 10 ms idle, 700 ms meanwhile; no failed');
    expect(svg).toContain('a &#38; b');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});
