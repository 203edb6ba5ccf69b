import type { Allocation } from '../domain/index.ts';
import { judgeScore } from './sequential-score.ts';

/** How often an arm was given, and how often its propensities say that it should have been: sums over randomised decisions. */
export type Allotment = {
  arm: string;
  observed: number;
  /** Σ propensity. */
  expected: number;
  /** Σ propensity × (1 − propensity). */
  variance: number;
};

export type SampleRatio = NonNullable<Allocation['checks']>['sampleRatio'][number];

/** Chance that any arm is ever found wrongly allotted while all are given as they should be. */
const ALPHA = 0.01;

/**
 * Whether arms are given as often as their logged propensities say, pooled over contexts and versions: where they are not, decisions
 * are lost or made otherwise than is logged, and every estimate from them is wrong. Anytime-valid, the error shared over arms.
 */
export function sampleRatios(allotments: readonly Allotment[]): SampleRatio[] {
  return allotments.map(({ arm, observed, expected, variance }) => {
    const { differs } = judgeScore({ surprise: observed - expected, variance }, ALPHA / allotments.length);
    return { arm, observed, expected: Math.round(expected * 10) / 10, differs };
  });
}
