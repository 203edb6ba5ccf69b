import { type BandwidthEstimator, estimatedFirstByteMs, estimatedKbps, hasMeasured } from './bandwidth-estimator.ts';

/** A rung as the player's rules see it, lowest bitrate first: what the multivariant playlist says of it. */
export type Level = {
  /** BANDWIDTH: the worst segment. */
  peakKbps: number;
  /** AVERAGE-BANDWIDTH. */
  averageKbps: number;
};

/** Settings of the rules, named as in hls.js. */
export type LevelRules = {
  abrBandWidthFactor: number;
  abrBandWidthUpFactor: number;
  maxStarvationDelayMs: number;
};

/** What the rules look at when the next segment is due. */
export type LevelMoment = {
  /** Time of the view, ms. */
  nowMs: number;
  estimator: BandwidthEstimator;
  bufferMs: number;
  /** The level of the last loaded segment; null before the first. */
  lastLevel: number | null;
  /** Length of the last loaded segment; before the first hls.js reckons with one second. */
  segmentMs: number;
  /** Levels whose media playlist is loaded already: going to any other costs one more round trip. */
  loadedPlaylists: ReadonlySet<number>;
};

type Search = { kbps: number; budgetMs: number; stayFactor: number; upFactor: number; averageBitrate: boolean };

/**
 * The level hls.js loads next. With something in the buffer: the highest level that keeps it from running dry; failing
 * that, or with none, the highest whose wait stays below the starvation limit; failing that, the lowest.
 */
export function chooseLevel(levels: readonly Level[], rules: LevelRules, moment: LevelMoment): number {
  const kbps = estimatedKbps(moment.estimator);
  if (moment.lastLevel === null || !hasMeasured(moment.estimator)) {
    const startKbps = Math.max(kbps, levels[0]?.peakKbps ?? 0);
    const budgetMs = moment.bufferMs / 2 + rules.maxStarvationDelayMs;
    const start = { kbps: startKbps, budgetMs, stayFactor: 1, upFactor: 1, averageBitrate: false };
    return findBestLevel(levels, moment, start) ?? 0;
  }
  const factors = { stayFactor: rules.abrBandWidthFactor, upFactor: rules.abrBandWidthUpFactor };
  if (moment.bufferMs > 0) {
    const averageBitrate = moment.bufferMs >= moment.segmentMs * 2;
    const smooth = findBestLevel(levels, moment, { kbps, budgetMs: moment.bufferMs, ...factors, averageBitrate });
    if (smooth !== null) return smooth;
  }
  const budgetMs = moment.bufferMs + Math.min(moment.segmentMs, rules.maxStarvationDelayMs);
  return findBestLevel(levels, moment, { kbps, budgetMs, ...factors, averageBitrate: false }) ?? 0;
}

function findBestLevel(levels: readonly Level[], moment: LevelMoment, search: Search): number | null {
  const firstByteMs = estimatedFirstByteMs(moment.estimator);
  for (let index = levels.length - 1; index >= 0; index -= 1) {
    const level = levels[index];
    if (!level) continue;
    const upwards = index > (moment.lastLevel ?? 0);
    const usableKbps = search.kbps * (upwards ? search.upFactor : search.stayFactor);
    const bitrateKbps = search.averageBitrate ? level.averageKbps : level.peakKbps;
    const playlistMs = moment.loadedPlaylists.has(index) ? 0 : firstByteMs;
    const fetchMs = firstByteMs + (bitrateKbps * moment.segmentMs) / usableKbps + playlistMs;
    if (usableKbps >= bitrateKbps && fetchMs < search.budgetMs) return index;
  }
  return null;
}

/** A running download of a level above the lowest, as seen by the abandon rule. */
export type RunningDownload = {
  level: number;
  segmentMs: number;
  elapsedMs: number;
  /** Time since the first byte; 0 before it. */
  streamingMs: number;
  loadedBytes: number;
  totalBytes: number;
  bufferMs: number;
};

/**
 * The lower level to fetch this segment at instead, or null to go on. As in hls.js: after half a segment's time, when
 * the rest will not arrive before the buffer runs dry and a lower level would arrive sooner. Simplified: the download is
 * given up at once, and the measured rate (not a reset estimate) chooses the level.
 */
export function chooseAbandonLevel(
  levels: readonly Level[],
  estimator: BandwidthEstimator,
  download: RunningDownload,
): number | null {
  const firstByteMs = estimatedFirstByteMs(estimator);
  if (download.level <= 0 || download.elapsedMs <= Math.max(firstByteMs, download.segmentMs / 2)) return null;
  const measured = download.loadedBytes > 0 && download.streamingMs > 0;
  const kbps = measured ? (download.loadedBytes * 8) / download.streamingMs : estimatedKbps(estimator);
  const restMs = ((download.totalBytes - download.loadedBytes) * 8) / kbps + (measured ? 0 : firstByteMs);
  if (restMs <= download.bufferMs) return null;
  const insteadMs = (level: number): number =>
    firstByteMs + ((levels[level]?.peakKbps ?? 0) * download.segmentMs) / kbps;
  let level = download.level - 1;
  while (level > 0 && insteadMs(level) >= Math.min(download.bufferMs, download.segmentMs + firstByteMs)) level -= 1;
  return insteadMs(level) < restMs ? level : null;
}
