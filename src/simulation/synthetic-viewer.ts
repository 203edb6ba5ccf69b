import type { Context, Device, Rng } from '../domain/index.ts';
import { generateTrace, type TraceKind } from './generate-trace.ts';
import type { Sitting } from './hls-player.ts';
import { drawLognormal } from './random-draws.ts';
import { meanBandwidthKbps } from './throughput-trace.ts';

/** People of one context: what their lines are like and how long they watch. The same for whatever they are offered. */
export type ViewerPopulation = {
  context: Context;
  traceKind: TraceKind;
  /** Median of the watch time each came for, ms of media. */
  watchMedianMs: number;
};

/** One person: a sitting, and what was known of the line before it. */
export type SyntheticViewer = {
  context: Context;
  sitting: Sitting;
  viewportHeight: number;
  /** Throughput measured on this line before the view, with error: a covariate no ladder can have influenced. */
  throughputBeforeKbps: number;
};

const WATCH_SIGMA = 0.5;
const MAX_WATCH_MS = 600_000;
/** Half have left before the start after 20 s, and in a stall after 40 s. */
const START_PATIENCE_MEDIAN_MS = 20_000;
const STALL_PATIENCE_MEDIAN_MS = 40_000;
const PATIENCE_SIGMA = 0.5;
/** The line is watched for two minutes before the view; that measurement is off by about 25 %. */
const BEFORE_MS = 120_000;
const MEASUREMENT_SIGMA = 0.25;

const VIEWPORT_HEIGHTS: Record<Device, number> = { phone: 360, tablet: 768, desktop: 1080, tv: 2160, unknown: 720 };

/** Draws one person with a line of their own. The same draws give the same person. */
export function drawViewer(population: ViewerPopulation, rng: Rng): SyntheticViewer {
  const trace = generateTrace(population.traceKind, rng);
  return {
    context: population.context,
    sitting: {
      trace,
      joinAtMs: BEFORE_MS,
      wantedMs: Math.min(MAX_WATCH_MS, drawLognormal(rng, population.watchMedianMs, WATCH_SIGMA)),
      startPatienceMs: drawLognormal(rng, START_PATIENCE_MEDIAN_MS, PATIENCE_SIGMA),
      stallPatienceMs: drawLognormal(rng, STALL_PATIENCE_MEDIAN_MS, PATIENCE_SIGMA),
    },
    viewportHeight: VIEWPORT_HEIGHTS[population.context.device],
    throughputBeforeKbps: drawLognormal(rng, meanBandwidthKbps(trace, 0, BEFORE_MS), MEASUREMENT_SIGMA),
  };
}
