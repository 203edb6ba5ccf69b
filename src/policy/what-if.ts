import {
  type Allocation,
  type Context,
  type FallbackLevel,
  type PolicyConfig,
  type RewardWeights,
  UNKNOWN_CONTEXT,
  type ViewStatistics,
} from '../domain/index.ts';
import { buildAllocation } from './allocate.ts';
import { findEntry, indexAllocation } from './index-allocation.ts';

/** The arm that would be given most in a context, and how much better than the baseline it looks, points. */
export type Favourite = { arm: string; weight: number; pBest: number; gain: number; gainSd: number };

export type WhatIfContext = Context & {
  level: FallbackLevel;
  views: number;
  before: Favourite;
  after: Favourite;
  changed: boolean;
};

export type WhatIf = {
  configVersion: number;
  /** The reward that was asked about, whole. */
  reward: RewardWeights;
  /** Views behind the answer. */
  views: number;
  /** Contexts of the second fit, those whose choice would change first. */
  contexts: WhatIfContext[];
};

/** The same draws for both rewards, so that only the reward can make them differ. */
const SEED = 1;

function allocate(config: PolicyConfig, statistics: readonly ViewStatistics[]): Allocation {
  const stamp = { seed: SEED, allocationVersion: 0, createdAt: config.createdAt, maturedViews: 0 };
  return buildAllocation({ ...stamp, config, statistics, previous: null });
}

function favouriteOf(allocation: Allocation, config: PolicyConfig, context: Context): Favourite {
  const { entry } = findEntry(indexAllocation({ config, allocation }), context);
  const baseline = entry.arms.find(({ arm }) => config.arms.some((each) => each.baseline && each.id === arm));
  const best = entry.arms.reduce((first, arm) => (arm.pBest > first.pBest ? arm : first));
  const { arm, weight, pBest, mean, sd } = best;
  const isBaseline = arm === baseline?.arm;
  return {
    arm,
    weight,
    pBest,
    gain: isBaseline ? 0 : mean - (baseline?.mean ?? 0),
    gainSd: isBaseline ? 0 : Math.hypot(sd, baseline?.sd ?? 0),
  };
}

/**
 * What would be chosen if the same views had been scored by `reward`. `before` and `after` are statistics of the same views, with the
 * clips of the config's reward and of `reward`: clips are applied when views are summed. Nothing is changed.
 */
export function whatIf(input: {
  config: PolicyConfig;
  reward: RewardWeights;
  before: readonly ViewStatistics[];
  after: readonly ViewStatistics[];
}): WhatIf {
  const { config, reward } = input;
  const other = { ...config, reward };
  const [before, after] = [allocate(config, input.before), allocate(other, input.after)];
  const contexts = after.contexts.map((entry): WhatIfContext => {
    const { region, device, connection, level } = entry;
    const context = level === 'cold' ? UNKNOWN_CONTEXT : { region, device, connection };
    const [was, is] = [favouriteOf(before, config, context), favouriteOf(after, other, context)];
    const views = entry.arms.reduce((sum, arm) => sum + arm.effectiveN, 0);
    return { ...context, level, views, before: was, after: is, changed: was.arm !== is.arm };
  });
  return {
    configVersion: config.configVersion,
    reward,
    views: after.views.used,
    contexts: contexts.sort((left, right) => Number(right.changed) - Number(left.changed)),
  };
}
