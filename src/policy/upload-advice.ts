import type { FallbackLevel } from '../domain/index.ts';

/** kbit/s that people's uploads had: a tenth of them had less than `p10`. */
export type UplinkKbps = { p10: number; p50: number; p90: number };

/** What is known of lines like an uploader's, and how specific that is. */
export type KnownUplinks = { fallbackLevel: FallbackLevel; uploads: number; uplinkKbps: UplinkKbps };

/** What this upload's own first bytes say of its line. */
export type MeasuredUplink = { bytes: number; kbps: number };

/** How to send a file, and what it is worth sending. */
export type UploadAdvice = {
  /** Bytes of one PATCH: what a cut connection, or a wrong checksum, costs at most. */
  chunkBytes: number;
  /** Files worth sending at once. */
  parallel: number;
  /** Short side in pixels, and bitrate, of what this line carries without testing anybody's patience. */
  maxHeight: number;
  maxBitrateKbps: number;
};

/** Where nobody has uploaded yet: a cautious guess at mobile and home uplinks. */
export const ASSUMED_UPLINKS: KnownUplinks = {
  fallbackLevel: 'cold',
  uploads: 0,
  uplinkKbps: { p10: 1_000, p50: 5_000, p90: 20_000 },
};

/** Fewer uploads than this say less about a place than more uploads from around it. */
export const MIN_UPLOADS = 20;

/** So many bytes of an upload are as good a witness as everything known beforehand. */
const TRUSTED_BYTES = 2 * 1024 ** 2;
const CHUNK_SECONDS = 8;
const CHUNK_STEP_BYTES = 256 * 1024;
const MAX_CHUNK_BYTES = 32 * 1024 ** 2;
/** Sending may take this many times as long as watching. */
const PATIENCE = 2;
const MAX_BITRATE_KBPS = 50_000;
const MIN_BITRATE_KBPS = 500;
/** What phones and screen recorders need for a picture that is worth its size, H.264 of one pass. */
const HEIGHT_FROM_KBPS: readonly { kbps: number; height: number }[] = [
  { kbps: 30_000, height: 2160 },
  { kbps: 14_000, height: 1440 },
  { kbps: 7_000, height: 1080 },
  { kbps: 3_000, height: 720 },
  { kbps: 1_400, height: 480 },
];
const LEAST_HEIGHT = 360;
const PARALLEL_FROM_KBPS: readonly { kbps: number; files: number }[] = [
  { kbps: 25_000, files: 3 },
  { kbps: 6_000, files: 2 },
];

/**
 * The rate to reckon with, kbit/s: between a bad and an ordinary line of this place (p10 and p50, geometric mean), moved towards
 * what the upload itself shows the more of it there is.
 */
export function plannedKbps({ uplinkKbps }: KnownUplinks, measured: MeasuredUplink | null): number {
  const careful = Math.sqrt(Math.max(1, uplinkKbps.p10) * Math.max(1, uplinkKbps.p50));
  if (measured === null || measured.kbps <= 0) return careful;
  const trust = measured.bytes / (measured.bytes + TRUSTED_BYTES);
  return Math.exp((1 - trust) * Math.log(careful) + trust * Math.log(measured.kbps));
}

/** Weak lines get reliability before pixels: small chunks, one file at a time, and no more picture than they carry. */
export function adviseUpload(known: KnownUplinks, measured: MeasuredUplink | null): UploadAdvice {
  const kbps = plannedKbps(known, measured);
  const chunkBytes = ((kbps * 1000) / 8) * CHUNK_SECONDS;
  const maxBitrateKbps = Math.round(Math.min(MAX_BITRATE_KBPS, Math.max(MIN_BITRATE_KBPS, kbps * PATIENCE)));
  return {
    chunkBytes: Math.min(MAX_CHUNK_BYTES, Math.max(1, Math.round(chunkBytes / CHUNK_STEP_BYTES)) * CHUNK_STEP_BYTES),
    parallel: PARALLEL_FROM_KBPS.find((step) => kbps >= step.kbps)?.files ?? 1,
    maxHeight: HEIGHT_FROM_KBPS.find((step) => maxBitrateKbps >= step.kbps)?.height ?? LEAST_HEIGHT,
    maxBitrateKbps,
  };
}
