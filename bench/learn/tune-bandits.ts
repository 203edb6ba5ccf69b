import {
  independentThompson,
  type LinearSettings,
  linearBandit,
  type RewardScale,
  type ThompsonSettings,
} from './bandits.ts';
import { type ReplayPolicy, replay, type Scenario } from './replay.ts';
import { cellOf, type RewardTable } from './reward-table.ts';

/** A bandit with the settings that did best on the train split. */
export type TunedBandit = {
  name: string;
  settings: string;
  create: (table: RewardTable, seed: number) => ReplayPolicy;
};

const WIDTHS = [0.03, 0.1, 0.2, 0.4];
const DISCOUNTS = { stationary: [1], shift: [1, 0.97] } as const;

/** Mean and sd of the baseline's rewards and of the covariate over a split. */
export function rewardScale(table: RewardTable): RewardScale {
  const moments = (values: readonly number[]): [number, number] => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
  };
  const rewards = table.sessions.flatMap((_, session) =>
    [0, 1].map((device) => table.rewards[cellOf(table, session, device, 0)] ?? 0),
  );
  const [mean, sd] = moments(rewards);
  const [throughputMean, throughputSd] = moments(table.sessions.map(({ throughput }) => throughput));
  return { mean, sd, throughputMean, throughputSd };
}

/** The best of each bandit's grid on the train split, each scenario for itself: peers get what we get. */
export function tuneBandits(train: RewardTable, scenario: Scenario, seeds: readonly number[]): TunedBandit[] {
  const scale = rewardScale(train);
  const shape = (table: RewardTable) => ({ contexts: table.contexts.length, arms: table.arms, scale });
  const discounts = DISCOUNTS[scenario];
  const linear = grid({
    features: ['cell', 'additive'] as const,
    centre: ['global', 'cell'] as const,
    width: WIDTHS,
    ridge: [1, 10],
    discount: discounts,
  });
  const thompson = grid({ noise: [0.2, 0.5, 1], prior: [0.1, 0.3, 1], discount: discounts });
  const best = <S extends LinearSettings | ThompsonSettings>(
    name: string,
    all: readonly S[],
    make: (table: RewardTable, settings: S, seed: number) => ReplayPolicy,
  ): TunedBandit => {
    const regretOf = (settings: S): number =>
      seeds.reduce((sum, seed) => sum + replay(train, make(train, settings, seed), seed, scenario).mean, 0);
    const [winner] = all
      .map((settings) => ({ settings, regret: regretOf(settings) }))
      .sort((a, b) => a.regret - b.regret);
    if (!winner) throw new RangeError('expected a grid of one setting or more (got none)');
    const { settings } = winner;
    return { name, settings: JSON.stringify(settings), create: (table, seed) => make(table, settings, seed) };
  };
  return [
    best('independent Thompson', thompson, (table, settings, seed) =>
      independentThompson(shape(table), settings, seed),
    ),
    best('LinTS', linear, (table, settings, seed) => linearBandit('LinTS', shape(table), settings, seed)),
    best('LinUCB', linear, (table, settings, seed) => linearBandit('LinUCB', shape(table), settings, seed)),
  ];
}

/** Every combination of the given values. */
function grid<T extends Record<string, readonly unknown[]>>(axes: T): { [K in keyof T]: T[K][number] }[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  ) as { [K in keyof T]: T[K][number] }[];
}
