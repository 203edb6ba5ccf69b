/** Rates that cameras, screens and editors really make; what a container claims is not evidence. */
const NATURAL_FPS = [
  1,
  2,
  3,
  4,
  5,
  6,
  7.5,
  8,
  10,
  12,
  12.5,
  15,
  18,
  20,
  24_000 / 1001,
  24,
  25,
  30_000 / 1001,
  30,
  48,
  50,
  60_000 / 1001,
  60,
  72,
  90,
  100,
  120_000 / 1001,
  120,
  144,
  240_000 / 1001,
  240,
  480,
  960,
];

/** Apple's HLS authoring specification, 1.11: at most 60 frames per second. */
const MAX_FPS = 60;

/** Deltas further than this from the median are pauses and glitches, not the rate. */
const REGULAR = { least: 0.6, most: 1.4 };

/**
 * The rate a file was really made at, frames per second, from its packets' presentation times in seconds (any order);
 * null for fewer than two distinct times.
 */
export function naturalFrameRate(presentationSeconds: readonly number[]): number | null {
  const times = [...new Set(presentationSeconds)].sort((a, b) => a - b);
  const deltas = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  const median = [...deltas].sort((a, b) => a - b)[Math.floor(deltas.length / 2)];
  if (median === undefined || median <= 0) return null;
  // Containers that count milliseconds round each delta; the mean of the regular ones undoes that.
  const regular = deltas.filter((delta) => delta > median * REGULAR.least && delta < median * REGULAR.most);
  const mean = regular.reduce((sum, delta) => sum + delta, 0) / regular.length;
  return capFrameRate(nearestNatural(1 / mean));
}

function nearestNatural(fps: number): number {
  const distance = (natural: number): number => Math.abs(Math.log(natural / fps));
  return NATURAL_FPS.reduce((best, natural) => (distance(natural) < distance(best) ? natural : best));
}

/** Above 60 every n-th frame is kept, never a resampled rate: 120 → 60, 90 → 45. */
function capFrameRate(fps: number): number {
  return fps / Math.ceil(fps / MAX_FPS - 1e-9);
}

/** Frames between keyframes at the source's rate: as near two seconds as whole frames get. */
export function gopFrames(fps: number): number {
  return Math.max(1, Math.round(2 * fps));
}

/** Seconds between keyframes, the same on every rung of an asset. */
export function gopSeconds(fps: number): number {
  return gopFrames(fps) / fps;
}

/** How far above a rung's nominal rate the source's may stay: 30 instead of 25 beats a judder. */
const RUNG_FPS_TOLERANCE = 1.25;

/**
 * A rung's frame rate: the source's divided by a whole number (50 → 25, not 30), and only by one that keeps keyframes on
 * the same instants as every other rung's.
 */
export function rungFrameRate(sourceFps: number, nominalFps: number): number {
  const frames = gopFrames(sourceFps);
  for (let divisor = 1; divisor < frames; divisor += 1) {
    if (frames % divisor === 0 && sourceFps / divisor <= nominalFps * RUNG_FPS_TOLERANCE) return sourceFps / divisor;
  }
  return sourceFps / frames;
}

/** Exact for ffmpeg: `30000/1001` rather than 29.97002997. */
export function rationalFps(fps: number): string {
  if (Math.abs(fps - Math.round(fps)) < 1e-6) return String(Math.round(fps));
  const thousands = fps * 1.001;
  if (Math.abs(thousands - Math.round(thousands)) < 1e-4) return `${Math.round(thousands) * 1000}/1001`;
  const doubled = fps * 1.001 * 2;
  if (Math.abs(doubled - Math.round(doubled)) < 1e-4) return `${Math.round(doubled) * 500}/1001`;
  return `${Math.round(fps * 1_000_000)}/1000000`;
}
