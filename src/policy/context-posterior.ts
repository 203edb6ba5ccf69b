import type { Context, FallbackLevel } from '../domain/index.ts';
import type { CellEvidence } from './cell-evidence.ts';
import { add, addBlock, at, type Matrix, multiply, timesVector, transpose, zeros } from './matrix.ts';
import type { PooledCell } from './pool-statistics.ts';
import { cellInformation, type SharedPrediction } from './shared-effects.ts';

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
  /** Sd of one view's reward, points. */
  noiseSd: number;
};

/** A cell with what was made of it. */
export type FittedCell = { pooled: PooledCell; evidence: CellEvidence; posterior: ContextPosterior };

const viewsOf = (cell: CellEvidence): number => cell.views.reduce((sum, views) => sum + views, 0);

/** A cell: shared effects corrected by what the cell itself has shown. */
export function cellPosterior(
  pooled: PooledCell,
  evidence: CellEvidence,
  shared: SharedPrediction,
  cellSd: number,
): ContextPosterior {
  const arms = evidence.views.length;
  const { precision, precisionSum, level } = cellInformation(evidence, cellSd);
  // reward = m + s + w = (1 − ρ)(m + s) + ρy + noise, with m = level − πᵀs + noise and ρ the trust in the cell's own mean.
  const trust = evidence.views.map((views) => cellSd ** 2 / (cellSd ** 2 + evidence.noiseVariance / views));
  const load = zeros(arms, arms);
  const own = zeros(arms, arms);
  const cellPart = new Float64Array(arms);
  const expectedLevel =
    level - precision.reduce((sum, p, arm) => sum + (p / precisionSum) * (shared.mean[arm] ?? 0), 0);
  for (let row = 0; row < arms; row += 1) {
    const left = 1 - (trust[row] ?? 0);
    cellPart[row] = (trust[row] ?? 0) * ((evidence.means[row] ?? 0) - expectedLevel - (shared.mean[row] ?? 0));
    add(load, row, row, left);
    add(own, row, row, left * cellSd ** 2);
    for (let column = 0; column < arms; column += 1) {
      add(load, row, column, -left * ((precision[column] ?? 0) / precisionSum));
      add(own, row, column, (left * (1 - (trust[column] ?? 0))) / precisionSum);
    }
  }
  const mean = timesVector(load, shared.mean).map(
    (value, arm) => value + (1 - (trust[arm] ?? 0)) * level + (trust[arm] ?? 0) * (evidence.means[arm] ?? 0),
  );
  const covariance = multiply(multiply(load, shared.covariance), transpose(load));
  addBlock(covariance, 0, 0, own);
  return {
    context: evidence.context,
    level: 'cell',
    mean,
    covariance,
    effectiveViews: evidence.views,
    parts: { ...shared.parts, cell: cellPart },
    cells: [pooled],
    noiseSd: Math.sqrt(evidence.noiseVariance),
  };
}

export function deviceShares(cells: readonly FittedCell[]): Map<string, number> {
  const shares = new Map<string, number>();
  const all = cells.reduce((sum, { evidence }) => sum + viewsOf(evidence), 0);
  for (const { evidence } of cells) {
    const { device } = evidence.context;
    shares.set(device, (shares.get(device) ?? 0) + viewsOf(evidence) / all);
  }
  return shares;
}

/** A cell nobody has seen yet, in a known region or anywhere: the shared effects, and the doubt about its own. */
export function unseenPosterior(
  context: Context,
  level: FallbackLevel,
  cells: readonly FittedCell[],
  shared: SharedPrediction,
  cellSd: number,
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
  for (let arm = 0; arm < arms; arm += 1) add(covariance, arm, arm, cellSd ** 2);
  return {
    context,
    level,
    mean: shared.mean.map((value) => value + weightedLevel / all),
    covariance,
    effectiveViews,
    parts: { ...shared.parts, cell: new Float64Array(arms) },
    cells: cells.map(({ pooled }) => pooled),
    noiseSd: Math.sqrt(weightedNoise / all),
  };
}

/** Mean and sd, points, of how much better one arm is than another in a context. */
export function contrast(posterior: ContextPosterior, arm: number, other: number): { mean: number; sd: number } {
  const { mean, covariance } = posterior;
  const variance = at(covariance, arm, arm) + at(covariance, other, other) - 2 * at(covariance, arm, other);
  return { mean: (mean[arm] ?? 0) - (mean[other] ?? 0), sd: Math.sqrt(Math.max(0, variance)) };
}
