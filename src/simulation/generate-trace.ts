import type { Rng } from '../domain/index.ts';
import { drawExponential, drawIndex, drawLognormal, drawNormal } from './random-draws.ts';
import { createTrace, type ThroughputTrace, type TraceSegment } from './throughput-trace.ts';

export const TRACE_KINDS = ['cellular-3g', 'lte', 'cable', 'fibre'] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

/** A spell of the path: how good it is relative to the line, how long it lasts, how often it comes next. */
type PathState = {
  factor: number;
  meanDwellMs: number;
  weight: number;
  /** How much more often it comes on a bad line: × e^this on a line one sd below the median. */
  badness?: number;
};

/**
 * A family of lines: each line has its own level (lognormal), wanders between states (Markov; on bad lines more often into
 * bad ones), and jitters from second to second (lognormal) within a state.
 */
type PathModel = {
  lineMedianKbps: number;
  lineSigma: number;
  jitterSigma: number;
  latencyMs: { low: number; high: number };
  states: readonly PathState[];
};

/** Long enough that a view of a few minutes never sees the same second twice. */
const DEFAULT_DURATION_MS = 600_000;
const STEP_MS = 1000;

/**
 * Levels follow published measurements: commuters on 3G average 0.9–1.5 Mbit/s and spend 10–15 % of the time below
 * 200 kbit/s, most of that in holes of half a minute and more; LTE and cable sit between; fibre hardly moves.
 */
const MODELS: Record<TraceKind, PathModel> = {
  'cellular-3g': {
    lineMedianKbps: 1150,
    lineSigma: 0.4,
    jitterSigma: 0.3,
    latencyMs: { low: 80, high: 150 },
    states: [
      { factor: 1.7, meanDwellMs: 20_000, weight: 0.33, badness: -0.3 },
      { factor: 0.95, meanDwellMs: 25_000, weight: 0.33 },
      { factor: 0.4, meanDwellMs: 12_000, weight: 0.2, badness: 0.3 },
      { factor: 0.09, meanDwellMs: 4000, weight: 0.12, badness: 0.5 },
      { factor: 0.1, meanDwellMs: 35_000, weight: 0.025, badness: 0.9 },
    ],
  },
  lte: {
    lineMedianKbps: 18_000,
    lineSigma: 0.45,
    jitterSigma: 0.3,
    latencyMs: { low: 35, high: 70 },
    states: [
      { factor: 1.3, meanDwellMs: 20_000, weight: 0.45 },
      { factor: 0.7, meanDwellMs: 15_000, weight: 0.4 },
      { factor: 0.12, meanDwellMs: 5000, weight: 0.15 },
    ],
  },
  cable: {
    lineMedianKbps: 16_000,
    lineSigma: 0.5,
    jitterSigma: 0.12,
    latencyMs: { low: 15, high: 30 },
    states: [
      { factor: 1, meanDwellMs: 60_000, weight: 0.8 },
      { factor: 0.45, meanDwellMs: 20_000, weight: 0.2 },
    ],
  },
  fibre: {
    lineMedianKbps: 45_000,
    lineSigma: 0.28,
    jitterSigma: 0.06,
    latencyMs: { low: 8, high: 15 },
    states: [
      { factor: 1, meanDwellMs: 90_000, weight: 0.9 },
      { factor: 0.75, meanDwellMs: 10_000, weight: 0.1 },
    ],
  },
};

/** One line of the given kind in one-second steps. The same draws give the same trace. */
export function generateTrace(kind: TraceKind, rng: Rng, durationMs = DEFAULT_DURATION_MS): ThroughputTrace {
  const model = MODELS[kind];
  const lineGoodness = drawNormal(rng);
  const lineKbps = model.lineMedianKbps * Math.exp(model.lineSigma * lineGoodness);
  const weights = model.states.map(({ weight, badness = 0 }) => weight * Math.exp(-badness * lineGoodness));
  const segments: TraceSegment[] = [];
  let state = drawState(model, weights, rng, null);
  let leaveAtMs = drawExponential(rng, state.meanDwellMs);
  for (let atMs = 0; atMs < durationMs; atMs += STEP_MS) {
    while (atMs >= leaveAtMs) {
      state = drawState(model, weights, rng, state);
      leaveAtMs += drawExponential(rng, state.meanDwellMs);
    }
    segments.push({
      durationMs: STEP_MS,
      bandwidthKbps: lineKbps * state.factor * drawLognormal(rng, 1, model.jitterSigma),
      latencyMs: model.latencyMs.low + rng() * (model.latencyMs.high - model.latencyMs.low),
    });
  }
  return createTrace(segments);
}

function drawState(model: PathModel, weights: readonly number[], rng: Rng, left: PathState | null): PathState {
  const others = model.states.map((state, index) => (state === left ? 0 : (weights[index] ?? 0)));
  const next = model.states[drawIndex(rng, others)];
  if (!next) throw new RangeError('a path model must have at least two states');
  return next;
}
