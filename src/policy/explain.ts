import {
  type Allocation,
  type ArmAllocation,
  type Context,
  contextKey,
  type FallbackLevel,
  type PolicyConfig,
  type ViewComponent,
  type ViewStatistics,
} from '../domain/index.ts';
import { type ArmEvidence, armEvidence } from './arm-evidence.ts';
import type { Ledger } from './conservative-ledger.ts';
import { type ContextPosterior, contrast, type EffectParts } from './context-posterior.ts';
import { explainInWords } from './explain-in-words.ts';
import { findEntry, indexAllocation } from './index-allocation.ts';
import { chanceAboveZero } from './normal-distribution.ts';
import type { PooledCell } from './pool-statistics.ts';
import { fitPosterior, type Posterior } from './posterior.ts';
import { momentOf } from './reward.ts';

type ScoredComponent = Exclude<ViewComponent, 'one' | 'throughput' | 'prospect'>;
/** Mean of each scored component over an arm's views in the context; null without views. */
export type ComponentMeans = Record<ScoredComponent, number> | null;

/** Points of the arm's gain over the baseline that come from each level; they add up to `gain`. */
export type Shrinkage = { global: number; region: number; device: number; cell: number };

export type ArmExplanation = ArmAllocation &
  ArmEvidence & {
    baseline: boolean;
    /** Posterior of the arm's gain over the baseline, points. */
    gain: number;
    gainSd: number;
    components: ComponentMeans;
    shrinkage: Shrinkage;
    /** Further views of this arm until it is surely behind the best one (or ahead); 0 when decided, `never` when out of reach. */
    viewsNeeded: number | 'never';
  };

export type Explanation = {
  /** The context asked about, and the level of the evidence that answers. */
  context: Context;
  level: FallbackLevel;
  configVersion: number;
  allocationVersion: number;
  baselineShare: number;
  /** What exploring here has gained and may cost; null before there is a posterior. */
  ledger: Ledger | null;
  /** Standard deviation of one view's reward, points. */
  noiseSd: number;
  best: string;
  arms: ArmExplanation[];
  /** What would change the choice, in plain English. */
  summary: string;
};

/** Two arms are told apart when the wrong order has at most this chance. */
const DECIDED_CHANCE = 0.05;
/** Standard errors at that chance, one-sided. */
const DECIDED_STANDARD_ERRORS = 1.645;
/** A question that takes more views than this is not going to be answered. */
export const MAX_VIEWS_TO_DECIDE = 1_000_000;
const SCORED: ScoredComponent[] = ['quality', 'stall', 'startup', 'switches', 'mbps', 'failure'];

function componentMeans(cells: readonly PooledCell[], arm: number): ComponentMeans {
  const sum = (name: ViewComponent): number =>
    cells.reduce((total, cell) => total + (cell.arms[arm] ? momentOf(cell.arms[arm], 'one', name) : 0), 0);
  const views = sum('one');
  if (views <= 0) return null;
  return Object.fromEntries(SCORED.map((name) => [name, sum(name) / views])) as NonNullable<ComponentMeans>;
}

const partGain = (part: Float64Array, arm: number): number => (part[arm] ?? 0) - (part[0] ?? 0);

const shrinkageOf = (parts: EffectParts, arm: number): Shrinkage => ({
  global: partGain(parts.global, arm),
  region: partGain(parts.region, arm),
  device: partGain(parts.device, arm),
  cell: partGain(parts.cell, arm),
});

/** Further views of `arm` so that its difference to `best`, if it is what it looks like, is a clear one. */
export function viewsNeeded(posterior: ContextPosterior, arm: number, best: number): number | 'never' {
  if (arm === best) return 0;
  const { mean: gap, sd } = contrast(posterior, best, arm);
  if (1 - chanceAboveZero(gap, sd) <= DECIDED_CHANCE) return 0;
  // The posterior's precision of the difference grows by 1/σ² per further view of each of the two.
  const wantedSd = Math.abs(gap) / DECIDED_STANDARD_ERRORS;
  const missingPrecision = wantedSd ** -2 - sd ** -2;
  const views = Math.ceil(2 * posterior.noiseSd ** 2 * missingPrecision);
  return Number.isFinite(views) && views <= MAX_VIEWS_TO_DECIDE ? Math.max(1, views) : 'never';
}

function explainArms(
  entry: readonly ArmAllocation[],
  posterior: ContextPosterior,
  fit: Posterior,
  bestId: string,
  evidenceOf: (arm: string) => ArmEvidence,
): ArmExplanation[] {
  const best = fit.arms.findIndex((arm) => arm.id === bestId);
  return fit.arms.flatMap((arm, index) => {
    const allocated = entry.find(({ arm: id }) => id === arm.id);
    if (!allocated) return [];
    const gain = contrast(posterior, index, 0);
    return [
      {
        ...allocated,
        ...evidenceOf(arm.id),
        baseline: arm.baseline,
        gain: gain.mean,
        gainSd: gain.sd,
        components: componentMeans(posterior.cells, index),
        shrinkage: shrinkageOf(posterior.parts, index),
        viewsNeeded: viewsNeeded(posterior, index, best),
      },
    ];
  });
}

const NO_EVIDENCE: ArmEvidence = { clippedShare: null, cappedShare: 0, buckets: null, missing: [], sampleRatio: null };

/** The cold prior as a posterior of nothing: no views, no gains. */
function coldArms(entry: readonly ArmAllocation[], config: PolicyConfig): ArmExplanation[] {
  const baseline = config.arms.find((arm) => arm.baseline)?.id;
  return entry.map((arm) => ({
    ...arm,
    ...NO_EVIDENCE,
    baseline: arm.arm === baseline,
    gain: 0,
    gainSd: arm.arm === baseline ? 0 : arm.sd * Math.SQRT2,
    components: null,
    shrinkage: { global: 0, region: 0, device: 0, cell: 0 },
    viewsNeeded: 'never' as const,
  }));
}

/** Why a context is given what it is given. `statistics` are today's: arms are explained by them, weights by the allocation. */
export function explain(input: {
  allocation: Allocation;
  config: PolicyConfig;
  statistics: readonly ViewStatistics[];
  context: Context;
}): Explanation {
  const indexed = indexAllocation(input);
  const { entry, ranking } = findEntry(indexed, input.context);
  const fit = fitPosterior(input.statistics, input.config, input.allocation.effects ?? null);
  const posterior = fit.contexts.find(
    ({ level, context }) => level === entry.level && contextKey(context) === contextKey(entry),
  );
  const evidenceOf = (arm: string): ArmEvidence =>
    armEvidence(arm, {
      statistics: input.statistics,
      contexts: posterior?.cells.map(({ context }) => context) ?? [],
      reward: input.config.reward,
      checks: input.allocation.checks,
    });
  const best = ranking[0] ?? entry.arms[0]?.arm ?? '';
  const explained = {
    context: input.context,
    level: entry.level,
    configVersion: input.config.configVersion,
    allocationVersion: input.allocation.allocationVersion,
    baselineShare: entry.baselineShare,
    ledger: entry.ledger ?? null,
    noiseSd: posterior?.noiseSd ?? input.config.model.noiseSd,
    best,
    arms: posterior ? explainArms(entry.arms, posterior, fit, best, evidenceOf) : coldArms(entry.arms, input.config),
  };
  return { ...explained, summary: explainInWords(explained) };
}
