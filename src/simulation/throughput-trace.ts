/** One stretch of a network path. Over it kbit/s × ms = bits, so every integral below is exact. */
export type TraceSegment = { durationMs: number; bandwidthKbps: number; latencyMs: number };

/** A network path over time; starts again from its beginning when it ends. Make one with `createTrace`. */
export type ThroughputTrace = {
  segments: readonly TraceSegment[];
  /** Where each segment starts, and after the last one the length of the whole: one longer than `segments`. */
  startsMs: readonly number[];
  /** Bits the path could have carried by each of `startsMs`. */
  bitsBefore: readonly number[];
  totalMs: number;
  totalBits: number;
};

/** Throws RangeError when a segment is not positive in time, is negative, or the whole could never carry a byte. */
export function createTrace(segments: readonly TraceSegment[]): ThroughputTrace {
  const startsMs = [0];
  const bitsBefore = [0];
  let totalMs = 0;
  let totalBits = 0;
  segments.forEach((segment, index) => {
    checkSegment(segment, index);
    totalMs += segment.durationMs;
    totalBits += segment.durationMs * segment.bandwidthKbps;
    startsMs.push(totalMs);
    bitsBefore.push(totalBits);
  });
  if (totalBits <= 0) throw new RangeError('trace.segments must carry at least one bit (got none)');
  return { segments, startsMs, bitsBefore, totalMs, totalBits };
}

/** A path that never changes. */
export function constantTrace(bandwidthKbps: number, latencyMs: number): ThroughputTrace {
  return createTrace([{ durationMs: 1000, bandwidthKbps, latencyMs }]);
}

/** Bits the path carries between two instants, `fromMs` ≤ `toMs`. */
export function bitsBetween(trace: ThroughputTrace, fromMs: number, toMs: number): number {
  return bitsUntil(trace, toMs) - bitsUntil(trace, fromMs);
}

/** How long `bits` take when their first one is sent at `atMs`, ms. */
export function transferDurationMs(trace: ThroughputTrace, atMs: number, bits: number): number {
  if (bits <= 0) return 0;
  const targetBits = bitsUntil(trace, atMs) + bits;
  const loops = Math.ceil(targetBits / trace.totalBits) - 1;
  const withinLoopBits = targetBits - loops * trace.totalBits;
  const index = lastIndexBelow(trace.bitsBefore, withinLoopBits);
  const segment = segmentAt(trace, index);
  const intoSegmentMs = (withinLoopBits - (trace.bitsBefore[index] ?? 0)) / segment.bandwidthKbps;
  return Math.max(0, loops * trace.totalMs + (trace.startsMs[index] ?? 0) + intoSegmentMs - atMs);
}

/** From request to last byte, ms: the latency of the moment the request is sent, then the transfer. */
export function downloadDurationMs(trace: ThroughputTrace, atMs: number, bytes: number): number {
  const latencyMs = latencyAtMs(trace, atMs);
  return latencyMs + transferDurationMs(trace, atMs + latencyMs, bytes * 8);
}

/** From a request sent at `atMs` to its first byte, ms. */
export function latencyAtMs(trace: ThroughputTrace, atMs: number): number {
  const withinLoopMs = atMs % trace.totalMs;
  return segmentAt(trace, lastIndexAtOrBelow(trace.startsMs, withinLoopMs)).latencyMs;
}

/** Mean bandwidth between two instants, kbit/s, `fromMs` < `toMs`. */
export function meanBandwidthKbps(trace: ThroughputTrace, fromMs: number, toMs: number): number {
  return bitsBetween(trace, fromMs, toMs) / (toMs - fromMs);
}

function bitsUntil(trace: ThroughputTrace, atMs: number): number {
  const loops = Math.floor(atMs / trace.totalMs);
  const withinLoopMs = atMs - loops * trace.totalMs;
  const index = lastIndexAtOrBelow(trace.startsMs, withinLoopMs);
  const intoSegmentMs = withinLoopMs - (trace.startsMs[index] ?? 0);
  return (
    loops * trace.totalBits + (trace.bitsBefore[index] ?? 0) + intoSegmentMs * segmentAt(trace, index).bandwidthKbps
  );
}

function segmentAt(trace: ThroughputTrace, index: number): TraceSegment {
  const segment = trace.segments[Math.min(index, trace.segments.length - 1)];
  if (!segment) throw new RangeError('trace.segments must not be empty');
  return segment;
}

/** The last segment whose start is ≤ value; the final entry (the end of the whole) is never a segment. */
function lastIndexAtOrBelow(rising: readonly number[], value: number): number {
  return searchLast(rising, (entry) => entry <= value);
}

/** The last segment before which less than `value` has gone by: never one of zero bandwidth, for value > 0. */
function lastIndexBelow(rising: readonly number[], value: number): number {
  return searchLast(rising, (entry) => entry < value);
}

function searchLast(rising: readonly number[], holds: (entry: number) => boolean): number {
  let low = 0;
  let high = rising.length - 2;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(rising[middle] ?? 0)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function checkSegment(segment: TraceSegment, index: number): void {
  const name = `trace.segments[${index}]`;
  if (!(segment.durationMs > 0 && Number.isFinite(segment.durationMs))) {
    throw new RangeError(`${name}.durationMs must be above 0 (got ${segment.durationMs})`);
  }
  if (!(segment.bandwidthKbps >= 0 && Number.isFinite(segment.bandwidthKbps))) {
    throw new RangeError(`${name}.bandwidthKbps must be 0 or more (got ${segment.bandwidthKbps})`);
  }
  if (!(segment.latencyMs >= 0 && Number.isFinite(segment.latencyMs))) {
    throw new RangeError(`${name}.latencyMs must be 0 or more (got ${segment.latencyMs})`);
  }
}
