import type { Context, Device } from '../domain/index.ts';
import { RESPONSE_FEATURES } from './arm-response.ts';
import { type CellInformation, logDeterminant, ownCovariance, quadraticForm } from './cell-information.ts';
import {
  add,
  addBlock,
  at,
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
import { simulatedDeviceResponse, simulatedResponse } from './response-prior.ts';

/** Standard deviations of every kind of effect, points (per unit of a feature for the responses). */
export type EffectSds = {
  arm: number;
  region: number;
  device: number;
  cell: number;
  response: number;
  responseDevice: number;
  /** How places differ in it, for all their devices alike. */
  responseRegion: number;
  responseCell: number;
};

/** A cell as the shared effects see it. */
export type SharedCell = { context: Context; features: Matrix; design: Matrix; information: CellInformation };

/** Where in g = (a, v per device, β, β per device) things stand. */
export type SharedLayout = { arms: number; devices: readonly Device[]; size: number };

/** Joint Gaussian of the arms' shared effect somewhere, and the means of its parts. */
export type SharedPrediction = {
  mean: Float64Array;
  covariance: Matrix;
  parts: { global: Float64Array; region: Float64Array; device: Float64Array };
};

/** Posterior of everything that cells share. */
export type SharedEffects = {
  /** Where g acts as `design` says, in a region with evidence or (null) any other. */
  predict(region: string | null, design: Matrix): SharedPrediction;
  /** −2 × log marginal likelihood of the effects' standard deviations, up to a constant. */
  deviance: number;
};

/** A standard deviation below this switches an effect off. */
const MEANT_SD = 1e-3;

const responseAt = ({ arms, devices }: SharedLayout): number => (1 + devices.length) * arms;

/** The layout of g for these devices. */
export function sharedLayout(arms: number, devices: Iterable<Device>): SharedLayout {
  const sorted = [...new Set(devices)].sort();
  return { arms, devices: sorted, size: (1 + sorted.length) * (arms + RESPONSE_FEATURES) };
}

/** What is expected of g before any view: nothing of arms, of responses what simulation says (nothing when they are switched off). */
export function expectedEffects(layout: SharedLayout, sds: EffectSds): Float64Array {
  const expected = new Float64Array(layout.size);
  if (sds.response < MEANT_SD) return expected;
  const from = responseAt(layout);
  expected.set(simulatedResponse, from);
  for (const [index, device] of layout.devices.entries()) {
    expected.set(simulatedDeviceResponse(device), from + (1 + index) * RESPONSE_FEATURES);
  }
  return expected;
}

/** How g acts on the arms of a cell: L with s = u + L·g. Linear, so places can be averaged. */
export function cellDesign(layout: SharedLayout, device: Device, features: Matrix): Matrix {
  const { arms, devices, size } = layout;
  const design = zeros(arms, size);
  const index = devices.indexOf(device);
  for (let arm = 0; arm < arms; arm += 1) {
    add(design, arm, arm, 1);
    if (index >= 0) add(design, arm, (1 + index) * arms + arm, 1);
  }
  const at0 = responseAt(layout);
  addBlock(design, 0, at0, features);
  if (index >= 0) addBlock(design, 0, at0 + (1 + index) * RESPONSE_FEATURES, features);
  return design;
}

/** Precision matrix and precision × mean of a Gaussian. */
type Block = { precision: Matrix; shift: Float64Array };
const emptyBlock = (size: number): Block => ({ precision: zeros(size, size), shift: new Float64Array(size) });
const addVector = (to: Float64Array, from: Float64Array, factor = 1): void => {
  for (const [index, value] of from.entries()) to[index] = (to[index] ?? 0) + factor * value;
};

/** log |prior covariance| of g, and its precision on the diagonal of `joint`. */
function addPrior(joint: Matrix, layout: SharedLayout, sds: EffectSds): number {
  const { arms, size } = layout;
  let logDeterminantOfPrior = 0;
  for (let index = 0; index < size; index += 1) {
    const response = index - responseAt(layout);
    const sd =
      response < 0
        ? index < arms
          ? sds.arm
          : sds.device
        : response < RESPONSE_FEATURES
          ? sds.response
          : sds.responseDevice;
    add(joint, index, index, sd ** -2);
    logDeterminantOfPrior += 2 * Math.log(sd);
  }
  return logDeterminantOfPrior;
}

/** What a cell says about g: of (a, β) once, for everywhere and for its device alike. */
function addCell(
  { context, features, information }: SharedCell,
  joint: Block,
  cross: Matrix,
  layout: SharedLayout,
): void {
  const { arms } = layout;
  const device = 1 + layout.devices.indexOf(context.device);
  const size = arms + RESPONSE_FEATURES;
  const compact = zeros(arms, size);
  for (let arm = 0; arm < arms; arm += 1) add(compact, arm, arm, 1);
  addBlock(compact, 0, arms, features);
  const compactTransposed = transpose(compact);
  const seen = multiply(information.contrastPrecision, compact);
  const precision = multiply(compactTransposed, seen);
  const shift = timesVector(compactTransposed, information.shift);
  const columnOf = (group: number, index: number): number =>
    index < arms ? group * arms + index : responseAt(layout) + group * RESPONSE_FEATURES + (index - arms);
  for (const left of [0, device]) {
    for (let row = 0; row < size; row += 1) {
      const to = columnOf(left, row);
      joint.shift[to] = (joint.shift[to] ?? 0) + (shift[row] ?? 0);
      for (let arm = 0; arm < arms; arm += 1) add(cross, arm, to, at(seen, arm, row));
      for (const right of [0, device]) {
        for (let column = 0; column < size; column += 1) {
          add(joint.precision, to, columnOf(right, column), at(precision, row, column));
        }
      }
    }
  }
}

/** What ladders are on a region's lines: the mean of its cells'. */
export function averageFeatures(cells: readonly Pick<SharedCell, 'features'>[]): Matrix {
  const [first] = cells;
  if (!first) throw new RangeError('cells: expected one or more (got none)');
  const average = zeros(first.features.rows, first.features.columns);
  for (const { features } of cells) addBlock(average, 0, 0, features, 1 / cells.length);
  return average;
}

/** A region after elimination: u | g ~ N(offset − load·g, covariance). */
type EliminatedRegion = { load: Matrix; offset: Float64Array; covariance: Matrix; deviance: number };

/** Integrates one region's effects out of the joint precision, leaving its information in `joint`. */
function eliminateRegion(
  cells: readonly SharedCell[],
  joint: Block,
  layout: SharedLayout,
  sds: EffectSds,
): EliminatedRegion {
  const { arms, size } = layout;
  const prior = ownCovariance(averageFeatures(cells), sds.region, sds.responseRegion);
  const own: Block = { precision: inverse(prior), shift: new Float64Array(arms) };
  const cross = zeros(arms, size);
  for (const cell of cells) {
    addBlock(own.precision, 0, 0, cell.information.contrastPrecision);
    addVector(own.shift, cell.information.shift);
    addCell(cell, joint, cross, layout);
  }
  const lower = cholesky(own.precision);
  const load = solveCholesky(lower, cross);
  const offset = solveCholesky(lower, columnVector(own.shift)).data;
  const crossTransposed = transpose(cross);
  addBlock(joint.precision, 0, 0, multiply(crossTransposed, load), -1);
  addVector(joint.shift, timesVector(crossTransposed, offset), -1);
  const deviance = logDeterminant(lower) + logDeterminant(cholesky(prior)) - quadraticForm(lower, own.shift);
  return { load, offset, covariance: inverse(own.precision), deviance };
}

/**
 * Exact posterior of the shared effects a (arm), u (region × arm), v (device × arm) and β (response, and per device) by block
 * elimination: cells in closed form, then one arms × arms factorisation per region, then one system of g. Linear in cells.
 */
export function fitSharedEffects(
  cells: readonly SharedCell[],
  layout: SharedLayout,
  sds: EffectSds,
  expected: Float64Array,
): SharedEffects {
  const joint = emptyBlock(layout.size);
  let deviance = addPrior(joint.precision, layout, sds);
  const regions = new Map<string, EliminatedRegion>();
  for (const [region, members] of byRegion(cells)) {
    const eliminated = eliminateRegion(members, joint, layout, sds);
    regions.set(region, eliminated);
    deviance += eliminated.deviance;
  }
  for (const { information } of cells) deviance += information.deviance;
  const lower = cholesky(joint.precision);
  deviance += logDeterminant(lower) - quadraticForm(lower, joint.shift);
  const jointMean = solveCholesky(lower, columnVector(joint.shift)).data;
  const effects = jointMean.map((value, index) => value + (expected[index] ?? 0));
  const elsewhere = ownCovariance(averageFeatures(cells), sds.region, sds.responseRegion);
  let jointCovariance: Matrix | null = null;

  return {
    deviance,
    predict(region, design) {
      jointCovariance ??= inverse(joint.precision);
      const eliminated = region === null ? undefined : regions.get(region);
      const sharedMean = timesVector(design, effects);
      const globalPart = timesVector(withoutDevices(design, layout), effects);
      const load: Matrix = { ...design, data: Float64Array.from(design.data) };
      if (eliminated) addBlock(load, 0, 0, eliminated.load, -1);
      // A region's effects are what is left of its views when all that was expected is taken off.
      const mean = timesVector(load, jointMean);
      addVector(mean, timesVector(design, expected));
      if (eliminated) addVector(mean, eliminated.offset);
      const covariance = multiply(multiply(load, jointCovariance), transpose(load));
      if (eliminated) addBlock(covariance, 0, 0, eliminated.covariance);
      else addBlock(covariance, 0, 0, elsewhere);
      return {
        mean,
        covariance,
        parts: {
          global: globalPart,
          device: sharedMean.map((value, arm) => value - (globalPart[arm] ?? 0)),
          region: mean.map((value, arm) => value - (sharedMean[arm] ?? 0)),
        },
      };
    },
  };
}

function byRegion(cells: readonly SharedCell[]): Map<string, SharedCell[]> {
  const regions = new Map<string, SharedCell[]>();
  for (const cell of cells) {
    const members = regions.get(cell.context.region) ?? [];
    regions.set(cell.context.region, members);
    members.push(cell);
  }
  return regions;
}

/** A design without what devices add. */
function withoutDevices(design: Matrix, layout: SharedLayout): Matrix {
  const result = zeros(design.rows, design.columns);
  const from = responseAt(layout);
  for (let row = 0; row < design.rows; row += 1) {
    for (let column = 0; column < design.columns; column += 1) {
      const isOfDevice = (column >= layout.arms && column < from) || column >= from + RESPONSE_FEATURES;
      if (!isOfDevice) add(result, row, column, at(design, row, column));
    }
  }
  return result;
}
