import type { PolicyConfig } from '../../src/domain/index.ts';
import { type ContextPosterior, contrast } from '../../src/policy/context-posterior.ts';
import { chanceAboveZero } from '../../src/policy/normal-distribution.ts';

const MIN_VIEWS = 10;

/** The rule that the harm guard is measured against: P(worse by harmPoints) above harmProbability, by the posterior, at every refit. */
export function isProbablyHarmful(
  posterior: ContextPosterior,
  arm: number,
  { harmPoints, harmProbability }: PolicyConfig['guardrails'],
): boolean {
  const views = posterior.evidence.reduce((sum, cell) => sum + (cell.views[arm] ?? 0), 0);
  if (arm === 0 || views < MIN_VIEWS) return false;
  const worse = contrast(posterior, 0, arm);
  return chanceAboveZero(worse.mean - harmPoints, worse.sd) > harmProbability;
}
