import type { Context, FallbackLevel } from '../domain/index.ts';
import type { CellEvidence } from './cell-evidence.ts';
import type { CellInformation } from './cell-information.ts';
import { add, addBlock, at, type Matrix, multiply, timesVector, transpose, zeros } from './matrix.ts';
import type { PooledCell } from './pool-statistics.ts';
import type { SharedPrediction } from './shared-effects.ts';

/** Where an arm's effect comes from, points by arm position; only differences between arms mean anything. */
export type EffectParts = { global: Float64Array; region: Float64Array; device: Float64Array; cell: Float64Array };

/** Joint Gaussian of the arms' mean reward in one context; arrays by arm position. */
export type ContextPosterior = {
  context: Context;
  level: FallbackLevel;
  /** Points. */
  mean: Float64Array;
  covariance: Matrix;
  /** Age-weighted views behind each arm. */
  effectiveViews: Float64Array;
  parts: EffectParts;
  /** The cells this context speaks for: one for a cell, all of a region's, or all. */
  cells: readonly PooledCell[];
  /** The same cells as the model saw them. */
  evidence: readonly CellEvidence[];
  /** Sd of one view's reward, points. */
  noiseSd: number;
};

/** A cell with what was made of it. */
export type FittedCell = {
  pooled: PooledCell;
  evidence: CellEvidence;
  posterior: ContextPosterior;
  /** How the shared effects act on it. */
  design: Matrix;
  /** Covariance of its own effects. */
  ownCovariance: Matrix;
};

const viewsOf = (cell: CellEvidence): number => cell.views.reduce((sum, views) => sum + views, 0);

/**
 * A cell: shared effects s corrected by what the cell itself has shown. With G = WP (trust in the cell's own means) and
 * π = P1 ÷ 1ᵀP1, reward = G·y + (I − G)(1·level + (I − 1πᵀ)s) + noise.
 */
export function cellPosterior(
  pooled: PooledCell,
  evidence: CellEvidence,
  shared: SharedPrediction,
  information: CellInformation,
): ContextPosterior {
  const arms = evidence.views.length;
  const { precision, weights, weightSum, level, ownCovariance: own } = information;
  const trust = multiply(own, precision);
  const doubt = zeros(arms, arms);
  for (let arm = 0; arm < arms; arm += 1) add(doubt, arm, arm, 1);
  addBlock(doubt, 0, 0, trust, -1);
  const offset = weights.reduce((sum, weight, arm) => sum + (weight / weightSum) * (shared.mean[arm] ?? 0), 0);
  const expected = shared.mean.map((value) => value + level - offset);
  const cellPart = timesVector(
    trust,
    evidence.means.map((value, arm) => value - (expected[arm] ?? 0)),
  );
  const load = multiply(doubt, withoutLevel(weights, weightSum));
  const covariance = multiply(multiply(load, shared.covariance), transpose(load));
  // What is left open by W itself, and by the cell's level.
  addBlock(covariance, 0, 0, multiply(doubt, own));
  const open = timesVector(doubt, new Float64Array(arms).fill(1));
  for (let row = 0; row < arms; row += 1) {
    for (let column = 0; column < arms; column += 1) {
      add(covariance, row, column, ((open[row] ?? 0) * (open[column] ?? 0)) / weightSum);
    }
  }
  return {
    context: evidence.context,
    level: 'cell',
    mean: expected.map((value, arm) => value + (cellPart[arm] ?? 0)),
    covariance,
    effectiveViews: evidence.views,
    parts: { ...shared.parts, cell: cellPart },
    cells: [pooled],
    evidence: [evidence],
    noiseSd: Math.sqrt(evidence.noiseVariance),
  };
}

/** I − 1πᵀ. */
function withoutLevel(weights: Float64Array, weightSum: number): Matrix {
  const result = zeros(weights.length, weights.length);
  for (let row = 0; row < weights.length; row += 1) {
    add(result, row, row, 1);
    for (const [column, weight] of weights.entries()) add(result, row, column, -weight / weightSum);
  }
  return result;
}

/** How the shared effects act on the average view of some cells. */
export function averageDesign(cells: readonly FittedCell[]): Matrix {
  const [first] = cells;
  if (!first) throw new RangeError('cells: expected one or more (got none)');
  const all = cells.reduce((sum, { evidence }) => sum + viewsOf(evidence), 0);
  const average = zeros(first.design.rows, first.design.columns);
  for (const { evidence, design } of cells) addBlock(average, 0, 0, design, viewsOf(evidence) / all);
  return average;
}

/** A cell nobody has seen yet, in a known region or anywhere: the shared effects, and the doubt about its own. */
export function unseenPosterior(
  context: Context,
  level: FallbackLevel,
  cells: readonly FittedCell[],
  shared: SharedPrediction,
): ContextPosterior {
  const arms = shared.mean.length;
  const covariance = shared.covariance;
  const effectiveViews = new Float64Array(arms);
  let all = 0;
  let weightedLevel = 0;
  let weightedNoise = 0;
  for (const { evidence, posterior } of cells) {
    const views = viewsOf(evidence);
    const offset = shared.mean.reduce((sum, value, arm) => sum + ((posterior.mean[arm] ?? 0) - value), 0) / arms;
    all += views;
    weightedLevel += views * offset;
    weightedNoise += views * evidence.noiseVariance;
    for (const [arm, count] of evidence.views.entries()) effectiveViews[arm] = (effectiveViews[arm] ?? 0) + count;
  }
  for (const cell of cells) addBlock(covariance, 0, 0, cell.ownCovariance, viewsOf(cell.evidence) / all);
  return {
    context,
    level,
    mean: shared.mean.map((value) => value + weightedLevel / all),
    covariance,
    effectiveViews,
    parts: { ...shared.parts, cell: new Float64Array(arms) },
    cells: cells.map(({ pooled }) => pooled),
    evidence: cells.map(({ evidence }) => evidence),
    noiseSd: Math.sqrt(weightedNoise / all),
  };
}

/** Mean and sd, points, of how much better one arm is than another in a context. */
export function contrast(posterior: ContextPosterior, arm: number, other: number): { mean: number; sd: number } {
  const { mean, covariance } = posterior;
  const variance = at(covariance, arm, arm) + at(covariance, other, other) - 2 * at(covariance, arm, other);
  return { mean: (mean[arm] ?? 0) - (mean[other] ?? 0), sd: Math.sqrt(Math.max(0, variance)) };
}
