import { bitsBetween, latencyAtMs, type ThroughputTrace, transferDurationMs } from './throughput-trace.ts';

/** A trace as one view sees it: time counts from the view's first request, sizes are bytes. */
export type NetworkPath = {
  latencyMs(atMs: number): number;
  transferMs(atMs: number, bytes: number): number;
  bytesBetween(fromMs: number, toMs: number): number;
};

/** The path from `joinAtMs` of the trace on. */
export function pathFrom(trace: ThroughputTrace, joinAtMs: number): NetworkPath {
  return {
    latencyMs: (atMs) => latencyAtMs(trace, joinAtMs + atMs),
    transferMs: (atMs, bytes) => transferDurationMs(trace, joinAtMs + atMs, bytes * 8),
    bytesBetween: (fromMs, toMs) => bitsBetween(trace, joinAtMs + fromMs, joinAtMs + toMs) / 8,
  };
}
