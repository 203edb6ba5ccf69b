import {
  type Allocation,
  type Arm,
  type ArmAllocation,
  type ContextAllocation,
  contextKey,
  type PolicyConfig,
  UNKNOWN_CONTEXT,
  type ViewStatistics,
} from '../domain/index.ts';
import { bestProbabilities } from './best-probabilities.ts';
import { conservativeLedger } from './conservative-ledger.ts';
import type { ContextPosterior } from './context-posterior.ts';
import { fingerprint } from './fingerprint.ts';
import { judgeArms } from './guard.ts';
import { entryAtLevel, type IndexedAllocation, indexAllocation } from './index-allocation.ts';
import { at, type Matrix } from './matrix.ts';
import { armsThatLoseOutcomes, missingOutcomes } from './missing-outcomes.ts';
import { learnedArms } from './pool-statistics.ts';
import { fitPosterior } from './posterior.ts';
import { type Allotment, sampleRatios } from './sample-ratio.ts';
import { seededRng } from './seeded-rng.ts';

type Exploration = PolicyConfig['exploration'];
type Stamp = { config: PolicyConfig; seed: number; allocationVersion: number; createdAt: string; maturedViews: number };

/** The baseline's fixed share falls at most to this part of what it was, per refit. */
const MAX_FALL_PER_REFIT = 0.5;
const DECIMALS = 1e4;
const rounded = (value: number): number => Math.round(value * DECIMALS) / DECIMALS;

/** The baseline's fixed share: from start to floor as the best challenger's P(beats baseline) goes from ½ to 1, never falling too fast. */
export function baselineShare(chanceBeaten: number, previousShare: number, exploration: Exploration): number {
  const { baselineShareStart: start, baselineShareFloor: floor } = exploration;
  const doubt = 1 - Math.min(1, Math.max(0, (chanceBeaten - 0.5) / 0.5));
  return Math.max(floor + (start - floor) * doubt, previousShare * MAX_FALL_PER_REFIT, floor);
}

/**
 * What is left of the baseline's share, by position: mostly P(best) to the power of `sharpness`, and `budget` in total shared by the
 * plausible challengers. Added, not clipped and renormalised: a floor per arm would cost (arms × floor) and bend P(best).
 */
export function challengerWeights(pBest: Float64Array, exploration: Exploration): Float64Array {
  const plausible = Array.from(pBest.keys()).filter(
    (arm) => arm > 0 && (pBest[arm] ?? 0) > 0 && (pBest[arm] ?? 0) >= exploration.plausiblePBest,
  );
  if (plausible.length === 0) return pBest.slice();
  const sharp = pBest.map((chance) => chance ** exploration.sharpness);
  const total = sharp.reduce((sum, chance) => sum + chance, 0);
  const weights = sharp.map((chance) => (chance / total) * (1 - exploration.budget));
  for (const arm of plausible) weights[arm] = (weights[arm] ?? 0) + exploration.budget / plausible.length;
  return weights;
}

function allocateContext(
  posterior: ContextPosterior,
  arms: readonly Arm[],
  previousShare: number,
  losingOutcomes: ReadonlySet<string>,
  { config, seed }: Stamp,
): ContextAllocation {
  const guards = judgeArms(posterior, config.guardrails).map((verdict, arm) =>
    verdict === 'ok' && losingOutcomes.has(arms[arm]?.id ?? '') ? 'missing' : verdict,
  );
  const candidates = [...arms.keys()].filter((arm) => guards[arm] === 'ok');
  const rng = seededRng(seed, `${posterior.level} ${contextKey(posterior.context)}`);
  const pBest = bestProbabilities(posterior, candidates, rng, config.exploration.posteriorDraws);
  // Some arm that may be given beats the baseline exactly when the baseline is not the best of them.
  const chanceBeaten = candidates.length > 1 ? 1 - (pBest[0] ?? 0) : 0;
  const wanted = baselineShare(chanceBeaten, previousShare, config.exploration);
  const weights = challengerWeights(pBest, config.exploration);
  const { share, ledger } = conservativeLedger(posterior, weights, wanted, config.exploration.lossShare);
  return {
    ...posterior.context,
    level: posterior.level,
    baselineShare: share,
    arms: arms.map(
      (arm, index): ArmAllocation => ({
        arm: arm.id,
        weight: Math.min(1, (arm.baseline ? share : 0) + (1 - share) * (weights[index] ?? 0)),
        mean: rounded(posterior.mean[index] ?? 0),
        sd: rounded(Math.sqrt(Math.max(0, at(posterior.covariance, index, index)))),
        pBest: pBest[index] ?? 0,
        effectiveN: rounded(posterior.effectiveViews[index] ?? 0),
        guard: guards[index] ?? 'ok',
      }),
    ),
    covariance: lowerTriangle(posterior.covariance),
    ledger,
  };
}

function lowerTriangle(matrix: Matrix): number[] {
  const values: number[] = [];
  for (let row = 0; row < matrix.rows; row += 1) {
    for (let column = 0; column <= row; column += 1) values.push(rounded(at(matrix, row, column)));
  }
  return values;
}

/** Before anything is known: the baseline's starting share, the rest spread evenly over all other arms. */
function coldEntry(config: PolicyConfig): ContextAllocation {
  const arms = learnedArms(config);
  const { priorSd } = config.model;
  const share = arms.length > 1 ? config.exploration.baselineShareStart : 1;
  return {
    ...UNKNOWN_CONTEXT,
    level: 'cold',
    baselineShare: share,
    arms: arms.map((arm) => ({
      arm: arm.id,
      weight: arm.baseline ? share : (1 - share) / (arms.length - 1),
      mean: 0,
      sd: rounded(Math.hypot(priorSd.arm, priorSd.region, priorSd.device, priorSd.cell)),
      pBest: 1 / arms.length,
      effectiveN: 0,
      guard: 'ok',
    })),
  };
}

/** The allocation of a config nothing has been learned under. */
export function coldAllocation(stamp: Omit<Stamp, 'maturedViews'>): Allocation {
  const { config, seed, allocationVersion, createdAt } = stamp;
  return {
    allocationVersion,
    configVersion: config.configVersion,
    createdAt,
    seed,
    views: { matured: 0, used: 0 },
    basis: fingerprint([], config),
    contexts: [coldEntry(config)],
  };
}

/** The allocation given until now and the config it was fitted under. */
export type Previous = { config: PolicyConfig; allocation: Allocation };

/** What two configs must share for the earlier one's baseline shares and measured effects to say something about the later one's. */
function sameQuestion(left: PolicyConfig, right: PolicyConfig): boolean {
  const question = ({ arms, reward }: PolicyConfig): string =>
    JSON.stringify([arms.find((arm) => arm.baseline)?.rungs, Object.entries(reward).sort()]);
  return left.configVersion === right.configVersion || question(left) === question(right);
}

/** What is given now, to bound how fast it changes: an arm more or less leaves it standing, another baseline or reward does not. */
const comparable = (previous: Previous | null, config: PolicyConfig): IndexedAllocation | null =>
  previous && sameQuestion(previous.config, config)
    ? indexAllocation({ config, allocation: previous.allocation })
    : null;

/** Arm weights for every seen cell, every seen region, and everywhere else. A pure function: same input and seed, same allocation. */
export function buildAllocation(
  input: Stamp & {
    statistics: readonly ViewStatistics[];
    previous: Previous | null;
    /** How often arms were given beside how often they should have been; not needed to fit. */
    allotments?: readonly Allotment[];
  },
): Allocation {
  const { config, statistics } = input;
  const before = comparable(input.previous, config);
  const { arms, contexts, usedViews, changes, effects } = fitPosterior(
    statistics,
    config,
    before?.allocation.effects ?? null,
  );
  const shareBefore = (posterior: ContextPosterior): number =>
    before
      ? entryAtLevel(before, posterior.level, posterior.context).entry.baselineShare
      : config.exploration.baselineShareStart;
  const checks = {
    sampleRatio: sampleRatios(input.allotments ?? []),
    missing: missingOutcomes(statistics, arms),
  };
  const losing = armsThatLoseOutcomes(checks.missing);
  return {
    allocationVersion: input.allocationVersion,
    configVersion: config.configVersion,
    createdAt: input.createdAt,
    seed: input.seed,
    views: { matured: Math.round(input.maturedViews), used: Math.round(usedViews) },
    basis: fingerprint(statistics, config),
    contexts:
      contexts.length === 0
        ? [coldEntry(config)]
        : contexts.map((posterior) => allocateContext(posterior, arms, shareBefore(posterior), losing, input)),
    ...(contexts.length > 0 ? { checks } : {}),
    ...(effects ? { effects } : {}),
    ...(changes.length > 0 ? { changes } : {}),
  };
}
