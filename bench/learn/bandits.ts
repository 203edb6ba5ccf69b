import { at, inverse, type Matrix, zeros } from '../../src/policy/matrix.ts';
import { normalDraws, seededRng } from '../../src/policy/seeded-rng.ts';
import type { Arrival, Outcome, ReplayPolicy } from './replay.ts';

/** The baseline for everyone, always. */
export const staticBaseline = (): ReplayPolicy => ({ name: 'static baseline', choose: () => 0, learn: () => {} });

/** What rewards look like on the train split: bandits are given it, since their priors are at 0 and of size 1. */
export type RewardScale = {
  mean: number;
  sd: number;
  throughputMean: number;
  throughputSd: number;
  prospectMean: number;
  prospectSd: number;
};

export type ThompsonSettings = {
  noise: number;
  prior: number;
  discount: number;
  /** Whether what the covariates explain of rewards, by one regression per context, is taken off first. */
  covariates: boolean;
};

/** Σ of everything a regression on throughput (x) and prospect (p) needs: n, x, p, r, xx, xp, pp, xr, pr. */
const SUMS = 9;

/** Independent Gaussian Thompson sampling per context and arm, in units of the reward's sd; level = the context's running mean. */
export function independentThompson(
  shape: {
    contexts: number;
    arms: number;
    scale: RewardScale;
    isForbidden?: (context: number, arm: number) => boolean;
  },
  settings: ThompsonSettings,
  seed: number,
): ReplayPolicy {
  const normal = normalDraws(seededRng(seed, 'thompson'));
  const { contexts, arms, scale } = shape;
  const sums = new Float64Array(contexts * arms * SUMS);
  /** Σ of rewards per context and arm less level and covariates' part. */
  const centred = new Float64Array(contexts * arms);
  return {
    name: 'independent Thompson',
    choose({ context }) {
      let [best, bestDraw] = [0, Number.NEGATIVE_INFINITY];
      for (let arm = 0; arm < arms; arm += 1) {
        if (shape.isForbidden?.(context, arm)) continue;
        const n = sums[(context * arms + arm) * SUMS] ?? 0;
        const precision = 1 / settings.prior ** 2 + n / settings.noise ** 2;
        const sum = centred[context * arms + arm] ?? 0;
        const draw = sum / settings.noise ** 2 / precision + normal() / Math.sqrt(precision);
        if (draw > bestDraw) [best, bestDraw] = [arm, draw];
      }
      return best;
    },
    learn(batch) {
      if (settings.discount < 1) {
        for (let index = 0; index < sums.length; index += 1) sums[index] = (sums[index] ?? 0) * settings.discount;
      }
      for (const { context, arm, reward, throughput, prospect } of batch) {
        const r = (reward - scale.mean) / scale.sd;
        const x = (throughput - scale.throughputMean) / scale.throughputSd;
        const p = (prospect - scale.prospectMean) / scale.prospectSd;
        for (const [index, value] of [1, x, p, r, x * x, x * p, p * p, x * r, p * r].entries()) {
          const at = (context * arms + arm) * SUMS + index;
          sums[at] = (sums[at] ?? 0) + value;
        }
      }
      for (let context = 0; context < contexts; context += 1) centre(context);
    },
  };

  function centre(context: number): void {
    const from = context * arms;
    const [n = 0, sx = 0, sp = 0, sr = 0, sxx = 0, sxp = 0, spp = 0, sxr = 0, spr = 0] = Array.from(
      { length: SUMS },
      (_, index) => {
        let sum = 0;
        for (let arm = 0; arm < arms; arm += 1) sum += sums[(from + arm) * SUMS + index] ?? 0;
        return sum;
      },
    );
    if (n === 0) return;
    const [xx, xp, pp] = [sxx - (sx * sx) / n + 1, sxp - (sx * sp) / n, spp - (sp * sp) / n + 1];
    const [xr, pr] = [sxr - (sx * sr) / n, spr - (sp * sr) / n];
    const determinant = xx * pp - xp * xp;
    const slopeX = settings.covariates ? (xr * pp - pr * xp) / determinant : 0;
    const slopeP = settings.covariates ? (pr * xx - xr * xp) / determinant : 0;
    for (let arm = 0; arm < arms; arm += 1) {
      const [ofArm = 0, x = 0, p = 0, r = 0] = sums.subarray((from + arm) * SUMS, (from + arm) * SUMS + 4);
      const expected = (ofArm * sr) / n + slopeX * (x - (ofArm * sx) / n) + slopeP * (p - (ofArm * sp) / n);
      centred[from + arm] = r - expected;
    }
  }
}

export type LinearSettings = {
  /** `cell`: one indicator per context; `additive`: indicators of region and of device. */
  features: 'cell' | 'additive';
  /** Rewards less the running mean of everything, or of their context. */
  centre: 'global' | 'cell';
  /** LinTS: scale of the posterior that is drawn from; LinUCB: α. In units of the reward's sd. */
  width: number;
  ridge: number;
  /** Of everything learned, per batch. */
  discount: number;
};

type ArmModel = { gram: Matrix; shift: Float64Array; covariance: Matrix; mean: Float64Array };

/** Disjoint linear bandits (Li et al. 2010; Agrawal & Goyal 2013): one ridge regression per arm on context and covariates. */
export function linearBandit(
  kind: 'LinTS' | 'LinUCB',
  shape: { contexts: number; arms: number; scale: RewardScale },
  settings: LinearSettings,
  seed: number,
): ReplayPolicy {
  const normal = normalDraws(seededRng(seed, kind));
  const { contexts, arms, scale } = shape;
  const regions = contexts / 2;
  const size = settings.features === 'cell' ? contexts + 2 : regions + 4;
  const models = Array.from({ length: arms }, () => emptyModel(size, settings.ridge));
  const levels = { counts: new Float64Array(contexts), sums: new Float64Array(contexts) };
  const features = ({ context, throughput, prospect }: Arrival): [number, number][] => {
    const covariate = (throughput - scale.throughputMean) / scale.throughputSd;
    const promised = (prospect - scale.prospectMean) / scale.prospectSd;
    if (settings.features === 'cell')
      return [
        [context, 1],
        [contexts, covariate],
        [contexts + 1, promised],
      ];
    return [
      [context >> 1, 1],
      [regions + (context & 1), 1],
      [regions + 2, covariate],
      [regions + 3, promised],
    ];
  };
  return {
    name: kind,
    choose(arrival) {
      const x = features(arrival);
      let [best, bestScore] = [0, Number.NEGATIVE_INFINITY];
      for (let arm = 0; arm < arms; arm += 1) {
        const { mean, covariance } = models[arm] as ArmModel;
        let [expected, variance] = [0, 0];
        for (const [row, value] of x) {
          expected += value * (mean[row] ?? 0);
          for (const [column, other] of x) variance += value * other * at(covariance, row, column);
        }
        // The draw of a linear form of θ ~ N(mean, v²A⁻¹) is the linear form's own normal.
        const width = settings.width * Math.sqrt(Math.max(0, variance));
        const score = expected + (kind === 'LinTS' ? normal() * width : width);
        if (score > bestScore) [best, bestScore] = [arm, score];
      }
      return best;
    },
    learn(batch) {
      for (const model of models) fade(model, settings);
      for (const outcome of batch) observe(models[outcome.arm] as ArmModel, features(outcome), target(outcome));
      for (const { context, reward } of batch) {
        levels.counts[context] = (levels.counts[context] ?? 0) + 1;
        levels.sums[context] = (levels.sums[context] ?? 0) + (reward - scale.mean) / scale.sd;
      }
      for (const model of models) solve(model);
    },
  };

  function target({ context, reward }: Outcome): number {
    const scaled = (reward - scale.mean) / scale.sd;
    if (settings.centre === 'global') return scaled;
    const seen = levels.counts[context] ?? 0;
    return scaled - (seen > 0 ? (levels.sums[context] ?? 0) / seen : 0);
  }
}

function emptyModel(size: number, ridge: number): ArmModel {
  const gram = zeros(size, size);
  for (let index = 0; index < size; index += 1) gram.data[index * size + index] = ridge;
  return { gram, shift: new Float64Array(size), covariance: inverse(gram), mean: new Float64Array(size) };
}

function fade({ gram, shift }: ArmModel, { discount, ridge }: LinearSettings): void {
  if (discount === 1) return;
  for (let index = 0; index < gram.data.length; index += 1) gram.data[index] = (gram.data[index] ?? 0) * discount;
  for (let index = 0; index < shift.length; index += 1) {
    shift[index] = (shift[index] ?? 0) * discount;
    const diagonal = index * gram.columns + index;
    gram.data[diagonal] = (gram.data[diagonal] ?? 0) + (1 - discount) * ridge;
  }
}

function observe({ gram, shift }: ArmModel, x: readonly [number, number][], target: number): void {
  for (const [row, value] of x) {
    shift[row] = (shift[row] ?? 0) + value * target;
    for (const [column, other] of x) {
      const index = row * gram.columns + column;
      gram.data[index] = (gram.data[index] ?? 0) + value * other;
    }
  }
}

function solve(model: ArmModel): void {
  model.covariance = inverse(model.gram);
  const { rows } = model.covariance;
  model.mean = Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < rows; column += 1)
      sum += at(model.covariance, row, column) * (model.shift[column] ?? 0);
    return sum;
  });
}
