import type { CellEvidence } from './cell-evidence.ts';
import {
  add,
  at,
  cholesky,
  columnVector,
  type Matrix,
  multiply,
  solveCholesky,
  timesVector,
  transpose,
  zeros,
} from './matrix.ts';

/**
 * What a cell says about s = r − m − w once its own level m (flat prior) and its own effects w ~ N(0, W) are integrated out. With
 * P the precision of s + m before m is: everything below is P's.
 */
export type CellInformation = {
  /** (W + σ²N⁻¹)⁻¹, with zeros where there is no view. */
  precision: Matrix;
  /** P with the level taken out: only differences count. */
  contrastPrecision: Matrix;
  /** P·1 and 1ᵀP1. */
  weights: Float64Array;
  weightSum: number;
  /** 1ᵀPy ÷ 1ᵀP1. */
  level: number;
  /** contrastPrecision · (y − expected) */
  shift: Float64Array;
  /** W: covariance of the cell's own effects. */
  ownCovariance: Matrix;
  /** −2 × log of what the cell's own part says about W, up to a constant. */
  deviance: number;
};

/** W = cellSd²·I + responseSd²·ΦΦᵀ. */
export function ownCovariance(features: Matrix, cellSd: number, responseSd: number): Matrix {
  const own = multiply(features, transpose(features));
  for (let index = 0; index < own.data.length; index += 1) own.data[index] = (own.data[index] ?? 0) * responseSd ** 2;
  for (let arm = 0; arm < own.rows; arm += 1) add(own, arm, arm, cellSd ** 2);
  return own;
}

/** Integrates a cell's level and own effects out of its evidence; `expected` is what is taken off first. One arms × arms factorisation. */
export function cellInformation(cell: CellEvidence, own: Matrix, expected: Float64Array): CellInformation {
  const arms = cell.views.length;
  const roots = cell.views.map((views) => Math.sqrt(views / cell.noiseVariance));
  // P = √N (I + √N W √N)⁻¹ √N needs no inverse of what has no view.
  const inner = zeros(arms, arms);
  for (let row = 0; row < arms; row += 1) {
    for (let column = 0; column < arms; column += 1) {
      add(inner, row, column, (roots[row] ?? 0) * at(own, row, column) * (roots[column] ?? 0));
    }
    add(inner, row, row, 1);
  }
  const lower = cholesky(inner);
  const diagonal = zeros(arms, arms);
  for (let arm = 0; arm < arms; arm += 1) add(diagonal, arm, arm, roots[arm] ?? 0);
  const precision = multiply(diagonal, solveCholesky(lower, diagonal));
  const weights = timesVector(precision, new Float64Array(arms).fill(1));
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0);
  const observed = timesVector(precision, cell.means);
  const level = observed.reduce((sum, value) => sum + value, 0) / weightSum;
  const contrastPrecision: Matrix = { ...precision, data: Float64Array.from(precision.data) };
  for (let row = 0; row < arms; row += 1) {
    for (let column = 0; column < arms; column += 1) {
      add(contrastPrecision, row, column, -((weights[row] ?? 0) * (weights[column] ?? 0)) / weightSum);
    }
  }
  const surprise = cell.means.map((value, arm) => value - (expected[arm] ?? 0));
  const shift = timesVector(contrastPrecision, surprise);
  const fit = shift.reduce((sum, value, arm) => sum + value * (surprise[arm] ?? 0), 0);
  const deviance = logDeterminant(lower) + Math.log(weightSum) + fit;
  return { precision, contrastPrecision, weights, weightSum, level, shift, ownCovariance: own, deviance };
}

/** log |LLᵀ|. */
export function logDeterminant(lower: Matrix): number {
  let sum = 0;
  for (let index = 0; index < lower.rows; index += 1) sum += Math.log(at(lower, index, index));
  return 2 * sum;
}

/** xᵀ(LLᵀ)⁻¹x. */
export function quadraticForm(lower: Matrix, x: Float64Array): number {
  return solveCholesky(lower, columnVector(x)).data.reduce((sum, value, index) => sum + value * (x[index] ?? 0), 0);
}
