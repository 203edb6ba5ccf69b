import type { Played } from './run-variant.ts';
import { type Kind, percentile, READS, type Sample } from './samples.ts';

/** One stretch of time: requests by kind and what they waited, ms. */
export type Waits = { count: number; p50: number; p95: number; p99: number; max: number };

/** p99 of the reads in one window; `fromSeconds` counts from the first upload's first byte. */
export type Window = { fromSeconds: number; reads: number; p99Ms: number; failed: number };

/** One upload's times, seconds from the first upload's first byte. */
export type UploadSeconds = { uploaded: number; playable: number; complete: number; plays: boolean };

/** A variant as numbers: what the table, the chart and the JSON are made of. */
export type Digest = {
  variant: string;
  idle: Waits;
  busy: Waits;
  busyByKind: Partial<Record<Kind, Waits>>;
  idleByKind: Partial<Record<Kind, Waits>>;
  /** Requests of any kind that were not answered, or not well, with their reasons. */
  failures: string[];
  windows: Window[];
  uploads: UploadSeconds[];
};

/** Long enough for some hundred reads. */
export const WINDOW_SECONDS = 3;

export function digest(variant: string, played: Played): Digest {
  const { samples, uploads, idleFromMs, uploadsFromMs } = played;
  const endMs = Math.max(...uploads.map(({ completeAtMs }) => completeAtMs));
  const between = (from: number, to: number): Sample[] => samples.filter(({ atMs }) => atMs >= from && atMs < to);
  const idle = between(idleFromMs, uploadsFromMs);
  const busy = between(uploadsFromMs, endMs);
  const seconds = (atMs: number): number => round((atMs - uploadsFromMs) / 1000);
  return {
    variant,
    idle: waits(reads(idle)),
    busy: waits(reads(busy)),
    idleByKind: byKind(idle),
    busyByKind: byKind(busy),
    failures: samples.flatMap(({ failure, kind }) => (failure === null ? [] : `${kind}: ${failure}`)),
    windows: windowsOf(samples, played),
    uploads: uploads.map(({ uploadedAtMs, playableAtMs, completeAtMs, playable }) => ({
      uploaded: seconds(uploadedAtMs),
      playable: seconds(playableAtMs),
      complete: seconds(completeAtMs),
      plays: playable,
    })),
  };
}

function windowsOf(samples: readonly Sample[], { idleFromMs, uploadsFromMs, endedAtMs }: Played): Window[] {
  const windows: Window[] = [];
  const widthMs = WINDOW_SECONDS * 1000;
  const first = Math.ceil((idleFromMs - uploadsFromMs) / widthMs);
  for (let n = first; uploadsFromMs + (n + 1) * widthMs <= endedAtMs; n += 1) {
    const from = uploadsFromMs + n * widthMs;
    const all = samples.filter(({ atMs }) => atMs >= from && atMs < from + widthMs);
    const failed = all.filter(({ failure }) => failure !== null).length;
    const { count, p99 } = waits(reads(all));
    if (count > 0) windows.push({ fromSeconds: n * WINDOW_SECONDS, reads: count, p99Ms: p99, failed });
  }
  return windows;
}

const reads = (samples: readonly Sample[]): Sample[] => samples.filter(({ kind }) => READS.includes(kind));

function byKind(samples: readonly Sample[]): Partial<Record<Kind, Waits>> {
  const kinds = [...new Set(samples.map(({ kind }) => kind))];
  return Object.fromEntries(kinds.map((kind) => [kind, waits(samples.filter((sample) => sample.kind === kind))]));
}

function waits(samples: readonly Sample[]): Waits {
  const all = samples.map(({ firstByteMs }) => firstByteMs);
  const at = (share: number): number => round(percentile(all, share));
  return { count: all.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

const round = (value: number): number => Math.round(value * 10) / 10;
