import type { PolicyConfig } from '../domain/index.ts';
import type { CellEvidence } from './cell-evidence.ts';
import { confidenceSequence } from './confidence-sequence.ts';

/**
 * Views an arm must have had in the context before its reward can take it out: rewards have long tails, and the mean of fewer is
 * not normal enough for any bound. Few, because harm must stop early.
 */
const HARM_MIN_VIEWS = 12;

/** The bound is tightest where the arm's loss is known to this many points: where it shows that one is about ten points worse. */
const TIGHTEST_AT_POINTS = 3;

/** How many points less than the baseline an arm earns, compared inside each cell, by its own views alone. */
export type Loss = { points: number; standardError: number; views: number };

/** The arm's loss over these cells, each weighing as much as it knows; an infinite standard error says that nothing is known. */
export function lossOf(cells: readonly CellEvidence[], arm: number): Loss {
  let [weighted, information, views] = [0, 0, 0];
  for (const { means, views: viewsByArm, noiseVariance } of cells) {
    const [own = 0, baseline = 0] = [viewsByArm[arm], viewsByArm[0]];
    if (own <= 0 || baseline <= 0) continue;
    const weight = (own * baseline) / (own + baseline) / noiseVariance;
    weighted += weight * ((means[0] ?? 0) - (means[arm] ?? 0));
    information += weight;
    views += own;
  }
  if (information === 0) return { points: 0, standardError: Number.POSITIVE_INFINITY, views };
  return { points: weighted / information, standardError: information ** -0.5, views };
}

/**
 * Whether an arm is surely worse than the baseline by more than `harmPoints`. However often a context is looked at, the chance that
 * any of its `challengers` is ever found so without being so is at most 1 − `harmProbability`: the error is shared evenly among them,
 * and the bound holds at every look. The posterior decides what is given; it is not asked here, because it says what is likely
 * under a prior, and looked at a hundred times the unlikely happens.
 */
export function isSurelyHarmful(
  cells: readonly CellEvidence[],
  arm: number,
  challengers: number,
  { harmPoints, harmProbability }: Pick<PolicyConfig['guardrails'], 'harmPoints' | 'harmProbability'>,
): boolean {
  const { points, standardError, views } = lossOf(cells, arm);
  if (views < HARM_MIN_VIEWS) return false;
  // One side of a two-sided sequence: half of its error.
  const alpha = Math.min(1 - Number.EPSILON, (2 * (1 - harmProbability)) / Math.max(1, challengers));
  if (alpha <= 0) return false;
  const { low } = confidenceSequence({ difference: points, standardError }, { alpha, tightestAt: TIGHTEST_AT_POINTS });
  return low > harmPoints;
}
