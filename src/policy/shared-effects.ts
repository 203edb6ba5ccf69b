import type { PolicyConfig } from '../domain/index.ts';
import type { CellEvidence } from './cell-evidence.ts';
import {
  add,
  addBlock,
  cholesky,
  columnVector,
  inverse,
  type Matrix,
  multiply,
  solveCholesky,
  timesVector,
  transpose,
  zeros,
} from './matrix.ts';

type PriorSd = PolicyConfig['model']['priorSd'];

/** What a cell says about s = a + u + v once its own level m (flat prior) and arm effects w are integrated out. */
export type CellInformation = {
  /** 1 / (σ²/n + τ_cell²) per arm; 0 without views. The precision of s is diag(p) − ppᵀ/Σp: only differences count. */
  precision: Float64Array;
  precisionSum: number;
  /** Σpy / Σp. */
  level: number;
};

/** Joint Gaussian of the arms' shared effect somewhere, and the means of its parts. */
export type SharedPrediction = {
  mean: Float64Array;
  covariance: Matrix;
  parts: { global: Float64Array; region: Float64Array; device: Float64Array };
};

/** Where to predict: a region with evidence or null for any other, and how its views divide over devices. */
export type Whereabouts = { region: string | null; deviceShares: ReadonlyMap<string, number> };

export function cellInformation(cell: CellEvidence, cellSd: number): CellInformation {
  const precision = cell.views.map((views) => (views > 0 ? 1 / (cell.noiseVariance / views + cellSd ** 2) : 0));
  let precisionSum = 0;
  let weighted = 0;
  for (const [arm, weight] of precision.entries()) {
    precisionSum += weight;
    weighted += weight * (cell.means[arm] ?? 0);
  }
  return { precision, precisionSum, level: weighted / precisionSum };
}

/** Adds a cell's precision of s, and its precision-weighted observation. */
function accumulate(into: Block, cell: CellEvidence, information: CellInformation): void {
  const { precision, precisionSum, level } = information;
  for (const [row, p] of precision.entries()) {
    if (p === 0) continue;
    add(into.precision, row, row, p);
    for (const [column, q] of precision.entries()) add(into.precision, row, column, -(p * q) / precisionSum);
    into.shift[row] = (into.shift[row] ?? 0) + p * ((cell.means[row] ?? 0) - level);
  }
}

/** Precision matrix and precision × mean of a Gaussian. */
type Block = { precision: Matrix; shift: Float64Array };
const emptyBlock = (size: number): Block => ({ precision: zeros(size, size), shift: new Float64Array(size) });
const addDiagonal = (matrix: Matrix, from: number, count: number, value: number): void => {
  for (let index = from; index < from + count; index += 1) add(matrix, index, index, value);
};

/** A region after elimination: u | g ~ N(offset − load·g, covariance), with g = (a, v of every device). */
type EliminatedRegion = { load: Matrix; offset: Float64Array; covariance: Matrix };

/** Integrates one region's effects out of the joint precision, leaving its information in `joint`. */
function eliminateRegion(
  blocks: ReadonlyMap<number, Block>,
  joint: Block,
  arms: number,
  regionSd: number,
): EliminatedRegion {
  const own = emptyBlock(arms);
  const cross = zeros(arms, joint.shift.length);
  addDiagonal(own.precision, 0, arms, regionSd ** -2);
  for (const [device, block] of blocks) {
    const at = (1 + device) * arms;
    for (const [row, column] of [
      [0, 0],
      [0, at],
      [at, 0],
      [at, at],
    ] as const) {
      addBlock(joint.precision, row, column, block.precision);
    }
    addBlock(own.precision, 0, 0, block.precision);
    addBlock(cross, 0, 0, block.precision);
    addBlock(cross, 0, at, block.precision);
    for (const [arm, value] of block.shift.entries()) {
      own.shift[arm] = (own.shift[arm] ?? 0) + value;
      joint.shift[arm] = (joint.shift[arm] ?? 0) + value;
      joint.shift[at + arm] = (joint.shift[at + arm] ?? 0) + value;
    }
  }
  const lower = cholesky(own.precision);
  const load = solveCholesky(lower, cross);
  const offset = solveCholesky(lower, columnVector(own.shift)).data;
  const crossTransposed = transpose(cross);
  addBlock(joint.precision, 0, 0, multiply(crossTransposed, load), -1);
  const used = timesVector(crossTransposed, offset);
  for (const [index, value] of used.entries()) joint.shift[index] = (joint.shift[index] ?? 0) - value;
  return { load, offset, covariance: inverse(own.precision) };
}

/** Cells' information summed per region and device: cells of one (region, device) share a, u and v. */
function blocksByRegion(
  cells: readonly CellEvidence[],
  devices: readonly string[],
  arms: number,
  cellSd: number,
): Map<string, Map<number, Block>> {
  const regions = new Map<string, Map<number, Block>>();
  for (const cell of cells) {
    const blocks = regions.get(cell.context.region) ?? new Map<number, Block>();
    regions.set(cell.context.region, blocks);
    const device = devices.indexOf(cell.context.device);
    const block = blocks.get(device) ?? emptyBlock(arms);
    blocks.set(device, block);
    accumulate(block, cell, cellInformation(cell, cellSd));
  }
  return regions;
}

/**
 * Exact posterior of the shared effects a (arm), u (region × arm) and v (device × arm) by block elimination: cells in
 * closed form, then one arms × arms factorisation per region, then one system of (1 + devices) × arms. Linear in cells.
 */
export function fitSharedEffects(
  cells: readonly CellEvidence[],
  arms: number,
  priorSd: PriorSd,
): (where: Whereabouts) => SharedPrediction {
  const devices = [...new Set(cells.map((cell) => cell.context.device))].sort();
  const joint = emptyBlock((1 + devices.length) * arms);
  addDiagonal(joint.precision, 0, arms, priorSd.arm ** -2);
  addDiagonal(joint.precision, arms, devices.length * arms, priorSd.device ** -2);
  const regions = new Map<string, EliminatedRegion>();
  for (const [region, blocks] of blocksByRegion(cells, devices, arms, priorSd.cell)) {
    regions.set(region, eliminateRegion(blocks, joint, arms, priorSd.region));
  }
  const lower = cholesky(joint.precision);
  const jointMean = solveCholesky(lower, columnVector(joint.shift)).data;
  const jointCovariance = inverse(joint.precision);

  return ({ region, deviceShares }) => {
    const eliminated = region === null ? undefined : regions.get(region);
    const load = zeros(arms, joint.shift.length);
    for (let arm = 0; arm < arms; arm += 1) {
      add(load, arm, arm, 1);
      for (const [index, device] of devices.entries()) {
        add(load, arm, (1 + index) * arms + arm, deviceShares.get(device) ?? 0);
      }
    }
    const globalPart = jointMean.slice(0, arms);
    const sharedMean = timesVector(load, jointMean);
    const devicePart = sharedMean.map((value, arm) => value - (globalPart[arm] ?? 0));
    if (eliminated) addBlock(load, 0, 0, eliminated.load, -1);
    const mean = timesVector(load, jointMean).map((value, arm) => value + (eliminated?.offset[arm] ?? 0));
    const covariance = multiply(multiply(load, jointCovariance), transpose(load));
    if (eliminated) addBlock(covariance, 0, 0, eliminated.covariance);
    else addDiagonal(covariance, 0, arms, priorSd.region ** 2);
    const regionPart = mean.map((value, arm) => value - (sharedMean[arm] ?? 0));
    return { mean, covariance, parts: { global: globalPart, region: regionPart, device: devicePart } };
  };
}
