import type { PolicyConfig } from '../../src/domain/index.ts';
import type { Bench, BenchResult } from '../report.ts';
import { staticBaseline } from './bandits.ts';
import { benchConfig } from './bench-config.ts';
import { bootstrapRatio } from './bootstrap.ts';
import { bytesRow } from './bytes-at-quality.ts';
import { FROZEN_ARMS } from './frozen-arms.ts';
import { guardrailCost } from './guardrail-cost.ts';
import { modelData } from './model-data.ts';
import { playApart } from './play-apart.ts';
import { proposerRows } from './proposer-gain.ts';
import { type ReplayPolicy, type ReplayResult, replay, type Scenario } from './replay.ts';
import { type RewardTable, rewardTable } from './reward-table.ts';
import { tuneBandits } from './tune-bandits.ts';
import { undecidedContexts } from './undecided-contexts.ts';

/** Results of one policy over all seeds. */
type Played = { name: string; runs: ReplayResult[] };
/** Runs with the proposer on. */
const PROPOSER_SEEDS = 2;
const TARGETS = { stationary: 0.8, shift: 0.6 } as const;

/**
 * The learner against a static baseline and tuned bandits, on lines and titles none of them was tuned on: regret per view
 * against each context's best arm, 48,000 views in batches of 400.
 */
export const learn: Bench = async ({ quick, traces, titles }) => {
  const data = await modelData({ traces, titles });
  process.stdout.write(`${data.source}; tuned on the even files, measured on the odd ones\n`);
  const config = benchConfig();
  const train = await rewardTable(data.train, FROZEN_ARMS, config.reward, data.hash);
  const test = await rewardTable(data.test, FROZEN_ARMS, config.reward, data.hash);
  const seeds = { stationary: seedsUpTo(quick ? 2 : 10), shift: seedsUpTo(quick ? 1 : 5) };
  const results: BenchResult[] = [];
  const tuned = tuneBandits(train, quick ? [101] : [101, 102]);
  for (const scenario of ['stationary', 'shift'] as const) {
    const bandits = tuned[scenario];
    for (const { name, settings } of bandits) process.stdout.write(`${scenario}: ${name} ${settings}\n`);
    const play = (name: string, create: (seed: number) => ReplayPolicy): Played => ({
      name,
      runs: seeds[scenario].map((seed) => replay(test, create(seed), seed, scenario)),
    });
    const jobs = seeds[scenario].map((seed) => ({ scenario, seed }));
    const ours: Played = { name: 'ours', runs: await playApart(jobs, { traces, titles }) };
    const baseline = play('static baseline', () => staticBaseline());
    const peers = bandits.map(({ name, create }) => play(name, (seed) => create(test, seed)));
    results.push(...compare(scenario, ours, baseline, peers));
    if (scenario === 'stationary') {
      results.push(guardrailRow(test, config, ours), ...unboundRows(test, config, [ours, baseline, ...peers]));
      const { isForbidden } = guardrailCost(test, config.guardrails.stallRatioExcess);
      const thompson = bandits.find(({ name }) => name === 'independent Thompson');
      if (thompson) {
        const told = `${thompson.name} told which arms the stall guardrail forbids`;
        results.push(
          regretRow(
            scenario,
            play(told, (seed) => thompson.create(test, seed, isForbidden)),
            'mean',
          ),
        );
      }
      results.push(...contextRows(test, ours, baseline));
      const without = ours.runs.slice(0, quick ? 1 : PROPOSER_SEEDS);
      results.push(...(await proposerRows(data, test, config, without)));
      if (!quick) results.push(bytesRow(test, config));
    }
  }
  return results;
};

const seedsUpTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const sdOf = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - meanOf(values)) ** 2, 0) / Math.max(1, values.length - 1));

/** Regret of a policy; the spread is the standard deviation over seeds. */
const regretRow = (scenario: Scenario, { name, runs }: Played, part: 'mean' | 'lastTenth'): BenchResult => ({
  metric: `${scenario}: regret per view, ${part === 'mean' ? 'all' : 'last tenth'}: ${name}`,
  unit: 'points',
  value: meanOf(runs.map((run) => run[part])),
  spread: sdOf(runs.map((run) => run[part])),
});

function ratioRow(
  metric: string,
  ours: readonly number[],
  theirs: readonly number[],
  peer: string,
  limit: number,
): BenchResult {
  const [value, peerValue] = [meanOf(ours), meanOf(theirs)];
  const ratios = ours.map((one, index) => one / (theirs[index] ?? 1));
  const ratio = value / peerValue;
  return {
    metric,
    unit: 'points',
    value,
    spread: sdOf(ratios),
    peer,
    peerValue,
    ratio,
    target: `ratio ≤ ${limit}`,
    met: ratio <= limit,
  };
}

function compare(scenario: Scenario, ours: Played, baseline: Played, peers: readonly Played[]): BenchResult[] {
  const all = [ours, baseline, ...peers];
  const rows = all.flatMap((played) =>
    (['mean', 'lastTenth'] as const).map((part) => regretRow(scenario, played, part)),
  );
  const pick = (played: Played, part: 'mean' | 'lastTenth'): number[] => played.runs.map((run) => run[part]);
  const [best] = peers.toSorted((a, b) => meanOf(pick(a, 'mean')) - meanOf(pick(b, 'mean')));
  if (!best) throw new RangeError('expected a bandit to compare with (got none)');
  if (scenario === 'stationary') {
    rows.push(ratioRow('ours ÷ static, all views', pick(ours, 'mean'), pick(baseline, 'mean'), baseline.name, 0.45));
    rows.push(
      ratioRow('ours ÷ static, last tenth', pick(ours, 'lastTenth'), pick(baseline, 'lastTenth'), baseline.name, 0.3),
    );
  }
  const name = `${scenario}: ours ÷ best bandit (${best.name})`;
  rows.push(ratioRow(name, pick(ours, 'mean'), pick(best, 'mean'), best.name, TARGETS[scenario]));
  const { ratio, low, high } = bootstrapRatio(regretByFile(ours), regretByFile(best));
  rows.push({
    metric: `${scenario}: upper bound of ours ÷ best bandit over trace files (95 % from ${low.toFixed(2)}, at ${ratio.toFixed(2)})`,
    unit: 'ratio',
    value: high,
    spread: high - low,
    target: '< 1',
    met: high < 1,
  });
  return rows;
}

function regretByFile({ runs }: Played): Float64Array {
  return Float64Array.from(runs[0]?.byFile ?? [], (_, file) => meanOf(runs.map((run) => run.byFile[file] ?? 0)));
}

/** How near the learner comes to the best that its own stall guardrail allows. */
function guardrailRow(table: RewardTable, { guardrails }: PolicyConfig, ours: Played): BenchResult {
  const { points, contexts } = guardrailCost(table, guardrails.stallRatioExcess);
  const late = meanOf(ours.runs.map((run) => run.lastTenth));
  return {
    metric: `regret of the best policy that keeps to the stall guardrail (the reward likes more stalls in ${contexts.join(', ')}); beside it ours, last tenth`,
    unit: 'points',
    value: points,
    spread: 0,
    peer: 'ours',
    peerValue: late,
    ratio: points / late,
  };
}

/** Regret in the contexts where reward and stall guardrail want the same: peers have no guardrail to keep to. No target is set on it. */
function unboundRows(table: RewardTable, { guardrails }: PolicyConfig, all: readonly Played[]): BenchResult[] {
  const { contexts } = guardrailCost(table, guardrails.stallRatioExcess);
  const kept = [...table.contexts.keys()].filter((context) => {
    const where = table.contexts[context];
    return !contexts.includes(`${where?.region} ${where?.device}`);
  });
  return all.map(({ name, runs }) => {
    const regrets = runs.map((run) => meanOf(kept.map((context) => run.byContext[context] ?? 0)));
    return {
      metric: `stationary: regret per view where the stall guardrail does not bind: ${name}`,
      unit: 'points',
      value: meanOf(regrets),
      spread: sdOf(regrets),
    };
  });
}

/** Where the learner does not surely beat the baseline within these views, and how many it would take to see the best arm's gain. */
function contextRows(table: RewardTable, ours: Played, baseline: Played): BenchResult[] {
  return undecidedContexts(
    table,
    FROZEN_ARMS.map(({ id }) => id),
  ).map(({ context, name, gain, viewsNeeded, best }) => {
    const late = (played: Played): number[] => played.runs.map((run) => run.lateByContext[context] ?? 0);
    const views = meanOf(ours.runs.map((run) => run.viewsByContext[context] ?? 0));
    const verdict = viewsNeeded > views ? 'INSIDE THE NOISE' : 'visible';
    return {
      metric: `${name}: ${best} is ${gain.toFixed(2)} better than the baseline, ${verdict}: ${Math.round(viewsNeeded).toLocaleString('en')} views to see it, ${Math.round(views).toLocaleString('en')} had; regret, last tenth`,
      unit: 'points',
      value: meanOf(late(ours)),
      spread: sdOf(late(ours)),
      peer: 'static',
      peerValue: meanOf(late(baseline)),
      ratio: meanOf(late(ours)) / meanOf(late(baseline)),
    };
  });
}
