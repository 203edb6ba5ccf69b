import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Bench, BenchResult } from '../report.ts';
import { type Attack, type Outcome, play } from './play.ts';
import { poisonedConfig } from './world.ts';

const CONTEXTS = 6;
const HONEST: Attack = { share: 0, blocks: 200, traffic: 1, lie: 'hard' };
const TARGET_REGRET = 0.1;

/** One installation's regret differs from the next one's by more than what is asked: a case with a target is played this often. */
const CHECKED_SEEDS = 10;
const SEEDS = 2;

type Case = { name: string; attack: Attack; checked?: boolean };

const CASES: readonly Case[] = [
  { name: '5 % of 200 blocks lie as hard as they can', attack: { ...HONEST, share: 0.05 }, checked: true },
  { name: '5 % of 200 blocks only praise the second arm', attack: { ...HONEST, share: 0.05, lie: 'praise' } },
  { name: '5 % of 200 blocks lie by 20 points', attack: { ...HONEST, share: 0.05, lie: { quietPoints: 20 } } },
  { name: '5 % of 200 blocks, ten times as busy as others', attack: { ...HONEST, share: 0.05, traffic: 10 } },
  { name: '5 % of 50 blocks', attack: { ...HONEST, share: 0.05, blocks: 50 } },
  { name: '5 % of 1,000 blocks', attack: { ...HONEST, share: 0.05, blocks: 1000 } },
  { name: '10 % of 200 blocks', attack: { ...HONEST, share: 0.1 } },
  { name: '20 % of 200 blocks', attack: { ...HONEST, share: 0.2 } },
  { name: '30 % of 200 blocks', attack: { ...HONEST, share: 0.3 } },
];

/** What liars in some address blocks can do to choices that are two points clear; beside plain means of the same views. */
export const poisoning: Bench = async ({ quick }) => {
  const config = poisonedConfig();
  const seeds = (checked: boolean): number[] =>
    Array.from({ length: quick ? 1 : checked ? CHECKED_SEEDS : SEEDS }, (_, seed) => seed + 1);
  const outcomes = (attack: Attack, robust: boolean, checked = true): Outcome[] =>
    seeds(checked).map((seed) => play(config, attack, seed, robust));
  const honest = outcomes(HONEST, true);
  const honestPlain = outcomes(HONEST, false);
  const cases = quick ? CASES.slice(0, 3) : CASES;
  return [
    costOfCare(honest, honestPlain),
    ...cases.flatMap((each) => {
      const [robust, plain] = [true, false].map((isRobust) => outcomes(each.attack, isRobust, each.checked ?? false));
      return describe(each, robust ?? [], plain ?? [], honest, honestPlain);
    }),
  ];
};

/** Mean over installations and its standard error. */
function meanAndError(figures: readonly number[]): { value: number; spread: number } {
  const spread = figures.length > 1 ? sampleStandardDeviation([...figures]) / Math.sqrt(figures.length) : 0;
  return { value: mean([...figures]), spread };
}

/** What robust means cost while nobody lies. */
function costOfCare(honest: readonly Outcome[], honestPlain: readonly Outcome[]): BenchResult {
  const [own, plain] = [honest, honestPlain].map((outcomes) => meanAndError(outcomes.map(({ regret }) => regret)));
  const peerValue = plain?.value ?? 0;
  const { value, spread } = own ?? { value: 0, spread: 0 };
  const metric = 'nobody lies: regret';
  return {
    metric,
    value,
    spread,
    unit: 'points/view',
    peer: 'plain means of the same views',
    peerValue,
    ratio: value / peerValue,
  };
}

function describe(
  { name, checked }: Case,
  robust: readonly Outcome[],
  plain: readonly Outcome[],
  honest: readonly Outcome[],
  honestPlain: readonly Outcome[],
): BenchResult[] {
  const wrong = (outcomes: readonly Outcome[]): number => outcomes.reduce((sum, each) => sum + each.wrong, 0);
  const without = wrong(honest.slice(0, robust.length));
  const added = (outcomes: readonly Outcome[], without: readonly Outcome[]) =>
    meanAndError(outcomes.map(({ regret }, seed) => regret - (without[seed]?.regret ?? 0)));
  const [flips, regret] = [wrong(robust), added(robust, honest)];
  const plainRegret = added(plain, honestPlain).value;
  const peer = 'plain means of the same views';
  const of = CONTEXTS * robust.length;
  return [
    {
      metric: `${name}: contexts whose favourite is not the best arm, of ${of} that are 2 points clear`,
      value: flips,
      unit: 'contexts',
      spread: 0,
      peer,
      peerValue: wrong(plain),
      ratio: flips / Math.max(1, wrong(plain)),
      ...(checked ? { target: `no more than without liars, ${without}`, met: flips <= without } : {}),
    },
    {
      metric: `${name}: regret added`,
      ...regret,
      unit: 'points/view',
      peer,
      peerValue: plainRegret,
      ratio: regret.value / plainRegret,
      ...(checked ? { target: `≤ ${TARGET_REGRET}`, met: regret.value <= TARGET_REGRET } : {}),
    },
  ];
}
