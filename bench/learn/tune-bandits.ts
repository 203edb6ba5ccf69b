import {
  independentThompson,
  type LinearSettings,
  linearBandit,
  type RewardScale,
  type ThompsonSettings,
} from './bandits.ts';
import { type ReplayPolicy, replay, type Scenario } from './replay.ts';
import { cellOf, type RewardTable } from './reward-table.ts';

type IsForbidden = (context: number, arm: number) => boolean;

/** A bandit with the settings that did best on the train split. */
export type TunedBandit = {
  name: string;
  settings: string;
  /** Independent Thompson sampling can be kept from arms; the others cannot. */
  create: (table: RewardTable, seed: number, isForbidden?: IsForbidden) => ReplayPolicy;
};

const WIDTHS = [0.03, 0.1, 0.2, 0.4];
/** Discount of everything learned, per batch: tried where the world changes. */
const FORGETTING = 0.97;

/** Mean and sd of the baseline's rewards and of the covariates over a split. */
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
  const [prospectMean, prospectSd] = moments(table.sessions.flatMap(({ prospects }) => prospects));
  return { mean, sd, throughputMean, throughputSd, prospectMean, prospectSd };
}

/** The grid is ranked by one seed; so many of its best are ranked again by all. */
const HOPEFUL = 8;
/** What rank of settings on the stationary train split is tried again, with and without forgetting, where the world changes. */
const FINALISTS = 3;

/** Per scenario, the best of each bandit's grid on the train split: peers get what we get. */
export function tuneBandits(train: RewardTable, seeds: readonly number[]): Record<Scenario, TunedBandit[]> {
  const scale = rewardScale(train);
  const shape = (table: RewardTable) => ({ contexts: table.contexts.length, arms: table.arms, scale });
  const linear = grid({
    features: ['cell', 'additive'] as const,
    centre: ['global', 'cell'] as const,
    width: WIDTHS,
    ridge: [1, 10],
    discount: [1],
  });
  const thompson = grid({
    noise: [0.05, 0.1, 0.2, 0.5, 1],
    prior: [0.1, 0.3, 1],
    covariates: [false, true],
    discount: [1],
  });
  const tune = <S extends LinearSettings | ThompsonSettings>(
    name: string,
    all: readonly S[],
    make: (table: RewardTable, settings: S, seed: number, isForbidden?: IsForbidden) => ReplayPolicy,
  ): Record<Scenario, TunedBandit> => {
    const ranked = (settings: readonly S[], scenario: Scenario, over = seeds): S[] =>
      settings
        .map((one) => ({
          one,
          regret: over.reduce((sum, seed) => sum + replay(train, make(train, one, seed), seed, scenario).mean, 0),
        }))
        .sort((left, right) => left.regret - right.regret)
        .map(({ one }) => one);
    const tuned = (settings: S | undefined): TunedBandit => {
      if (!settings) throw new RangeError('expected a grid of one setting or more (got none)');
      const create: TunedBandit['create'] = (table, seed, isForbidden) => make(table, settings, seed, isForbidden);
      return { name, settings: JSON.stringify(settings), create };
    };
    const hopeful = ranked(all, 'stationary', seeds.slice(0, 1)).slice(0, HOPEFUL);
    const stationary = ranked(hopeful, 'stationary');
    const finalists = stationary.slice(0, FINALISTS).flatMap((one) => [one, { ...one, discount: FORGETTING }]);
    return { stationary: tuned(stationary[0]), shift: tuned(ranked(finalists, 'shift')[0]) };
  };
  const all = [
    tune('independent Thompson', thompson, (table, settings, seed, isForbidden = () => false) =>
      independentThompson({ ...shape(table), isForbidden }, settings, seed),
    ),
    tune('LinTS', linear, (table, settings, seed) => linearBandit('LinTS', shape(table), settings, seed)),
    tune('LinUCB', linear, (table, settings, seed) => linearBandit('LinUCB', shape(table), settings, seed)),
  ];
  return { stationary: all.map(({ stationary }) => stationary), shift: all.map(({ shift }) => shift) };
}

/** Every combination of the given values. */
function grid<T extends Record<string, readonly unknown[]>>(axes: T): { [K in keyof T]: T[K][number] }[] {
  return Object.entries(axes).reduce<Record<string, unknown>[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  ) as { [K in keyof T]: T[K][number] }[];
}
