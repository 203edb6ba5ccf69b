/** Exponentially weighted mean whose weights are seconds; bias towards 0 at the start is corrected when it is read. */
type WeightedMean = { halfLife: number; biased: number; weight: number };

/** How a player measures its line. */
export type EstimatorRules = {
  fastHalfLifeSeconds: number;
  slowHalfLifeSeconds: number;
  /** Downloads smaller than this are no measurement. */
  minSampleBytes: number;
  /** Fewer bytes than this in all are not yet believed. */
  minTotalBytes: number;
  /** Whether the wait for the first byte counts as download time; if not, only what exceeds its expectation does. */
  countsLatency: boolean;
};

export const HLS_JS_ESTIMATOR: EstimatorRules = {
  fastHalfLifeSeconds: 3,
  slowHalfLifeSeconds: 9,
  minSampleBytes: 1,
  minTotalBytes: 0,
  countsLatency: false,
};
/** Shaka Player's `abr.advanced`. */
export const SHAKA_ESTIMATOR: EstimatorRules = {
  fastHalfLifeSeconds: 2,
  slowHalfLifeSeconds: 5,
  minSampleBytes: 16_000,
  minTotalBytes: 128_000,
  countsLatency: true,
};
/** dash.js' `abr.ewma`. */
export const DASH_JS_ESTIMATOR: EstimatorRules = {
  fastHalfLifeSeconds: 3,
  slowHalfLifeSeconds: 8,
  minSampleBytes: 1,
  minTotalBytes: 0,
  countsLatency: true,
};

/** What a player believes about the network: a fast and a slow mean of throughput, and one of time to first byte. */
export type BandwidthEstimator = {
  rules: EstimatorRules;
  sampledBytes: number;
  fast: WeightedMean;
  slow: WeightedMean;
  firstByte: WeightedMean;
  /** Believed until something has been measured, kbit/s. */
  defaultKbps: number;
};

const FIRST_BYTE_HALF_LIFE = 9;
const DEFAULT_FIRST_BYTE_MS = 100;
/** hls.js: a download is never believed to have run faster than 800 Mbit/s unless it took 50 ms. */
const MIN_SAMPLE_MS = 50;
const MIN_SAMPLE_BYTES_PER_MS = 100_000;
/** Less weight than this is not yet a measurement. */
const MIN_WEIGHT = 0.001;

/** A fresh estimator, as each player instance makes one. */
export function createEstimator(defaultKbps: number, rules: EstimatorRules = HLS_JS_ESTIMATOR): BandwidthEstimator {
  return {
    rules,
    sampledBytes: 0,
    fast: { halfLife: rules.fastHalfLifeSeconds, biased: 0, weight: 0 },
    slow: { halfLife: rules.slowHalfLifeSeconds, biased: 0, weight: 0 },
    firstByte: { halfLife: FIRST_BYTE_HALF_LIFE, biased: 0, weight: 0 },
    defaultKbps,
  };
}

/** Whether enough has been measured to be believed. */
export function hasMeasured(estimator: BandwidthEstimator): boolean {
  return estimator.fast.weight >= MIN_WEIGHT && estimator.sampledBytes >= estimator.rules.minTotalBytes;
}

/** The lower of the fast and the slow mean: quick to fall, slow to rise; kbit/s. */
export function estimatedKbps(estimator: BandwidthEstimator): number {
  if (!hasMeasured(estimator)) return estimator.defaultKbps;
  return Math.min(read(estimator.fast), read(estimator.slow));
}

/** Expected time to first byte, ms. */
export function estimatedFirstByteMs(estimator: BandwidthEstimator): number {
  return estimator.firstByte.weight >= MIN_WEIGHT ? read(estimator.firstByte) : DEFAULT_FIRST_BYTE_MS;
}

/** One video download: its latency, and the time and bytes after it. */
export function sampleDownload(
  estimator: BandwidthEstimator,
  download: { latencyMs: number; transferMs: number; bytes: number },
): BandwidthEstimator {
  const firstByte = mix(estimator.firstByte, firstByteWeight(download.latencyMs), Math.max(download.latencyMs, 5));
  const { minSampleBytes, countsLatency } = estimator.rules;
  if (download.bytes < minSampleBytes) return { ...estimator, firstByte };
  const expectedMs = countsLatency ? 0 : estimatedFirstByteMs({ ...estimator, firstByte });
  const latencyMs = Math.max(0, download.latencyMs - expectedMs);
  const floorMs = Math.min(MIN_SAMPLE_MS, download.bytes / MIN_SAMPLE_BYTES_PER_MS);
  const seconds = Math.max(download.transferMs + latencyMs, floorMs) / 1000;
  const kbps = (download.bytes * 8) / (seconds * 1000);
  return {
    ...estimator,
    sampledBytes: estimator.sampledBytes + download.bytes,
    firstByte,
    fast: mix(estimator.fast, seconds, kbps),
    slow: mix(estimator.slow, seconds, kbps),
  };
}

/** hls.js gives long waits for a first byte less say. */
function firstByteWeight(latencyMs: number): number {
  return Math.SQRT2 * Math.exp(-((latencyMs / 1000) ** 2) / 2);
}

function mix(mean: WeightedMean, weight: number, value: number): WeightedMean {
  const kept = 0.5 ** (weight / mean.halfLife);
  return { halfLife: mean.halfLife, biased: value * (1 - kept) + mean.biased * kept, weight: mean.weight + weight };
}

function read(mean: WeightedMean): number {
  return mean.biased / (1 - 0.5 ** (mean.weight / mean.halfLife));
}
