import { describe, expect, it } from 'vitest';
import { type Allocation, type Context, contextKey, type ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { chooseArm } from '../../src/policy/choose-arm.ts';
import { findEntry, indexAllocation } from '../../src/policy/index-allocation.ts';
import { normalDraws } from '../../src/policy/seeded-rng.ts';
import { addedStatistics, CREATED_AT, statisticsOf, testConfig, uniforms } from './policy-fixtures.ts';

const base = testConfig();
/** Fewer draws than in service: the test is about regret, and 160 refits. */
const config = { ...base, exploration: { ...base.exploration, posteriorDraws: 400 } };
const contexts: Context[] = ['NO', 'SE', 'IN'].flatMap((region) => [
  { region, device: 'phone', connection: 'cellular' } as const,
  { region, device: 'desktop', connection: 'wired' } as const,
]);
const treatments = {
  configVersion: 1,
  eligible: config.arms
    .map(({ id, baseline }) => ({
      arm: id,
      baseline,
      setHash: id,
      rungs: [{ renditionId: id, width: 2, height: 2, bitrateKbps: 1 }],
    }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1)),
};
const BATCHES = 40;
const VIEWS_PER_BATCH = 400;
const NOISE_SD = 12;

/** Worlds as measured: the baseline is the best single ladder, most others are worse, and each context has one that is better. */
function world(seed: number): Map<string, Map<string, number>> {
  const rng = uniforms(seed);
  const normal = normalDraws(rng);
  const everywhere = config.arms.map(() => 1.5 * normal());
  const regional = new Map(contexts.map(({ region }) => [region, config.arms.map(() => 2 * normal())]));
  return new Map(
    contexts.map((context) => {
      const effects = config.arms.map(({ id, baseline }, index) => {
        const shared = (everywhere[index] ?? 0) + (regional.get(context.region)?.[index] ?? 0);
        return [id, baseline ? 60 : 57.5 + shared + 1.5 * normal()] as const;
      });
      return [contextKey(context), new Map(effects)];
    }),
  );
}

/** Plays batches of views by the policy's own decisions, refitting after each; regret per view against each context's best arm. */
function play(seed: number): { learned: number; lastQuarter: number; static: number; batches: number[] } {
  const truth = world(seed);
  const rng = uniforms(seed + 1);
  const normal = normalDraws(rng);
  const best = new Map([...truth].map(([key, arms]) => [key, Math.max(...arms.values())]));
  let allocation: Allocation = coldAllocation({ config, seed: 0, allocationVersion: 1, createdAt: CREATED_AT });
  const statistics = new Map<string, ViewStatistics>();
  const regrets: number[] = [];
  let staticRegret = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const indexed = indexAllocation({ config, allocation });
    const seen = new Map<string, { context: Context; arm: string; rewards: number[] }>();
    let regret = 0;
    for (let view = 0; view < VIEWS_PER_BATCH; view += 1) {
      const context = contexts[view % contexts.length] as Context;
      const key = contextKey(context);
      const { arm } = chooseArm({ entry: findEntry(indexed, context), treatments, uniform: rng() });
      const mean = truth.get(key)?.get(arm) ?? 0;
      regret += (best.get(key) ?? 0) - mean;
      staticRegret += (best.get(key) ?? 0) - 60;
      const cell = seen.get(`${key}|${arm}`) ?? { context, arm, rewards: [] };
      cell.rewards.push(mean + NOISE_SD * normal());
      seen.set(`${key}|${arm}`, cell);
    }
    regrets.push(regret / VIEWS_PER_BATCH);
    for (const [key, { context, arm, rewards }] of seen) {
      const views = rewards.map((quality) => ({ quality }));
      statistics.set(key, addedStatistics(statistics.get(key), statisticsOf({ context, arm }, views)));
    }
    allocation = buildAllocation({
      config,
      statistics: [...statistics.values()],
      previous: { config, allocation },
      seed: batch,
      allocationVersion: allocation.allocationVersion + 1,
      createdAt: CREATED_AT,
      maturedViews: 0,
    });
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    learned: mean(regrets),
    lastQuarter: mean(regrets.slice(-BATCHES / 4)),
    static: staticRegret / (BATCHES * VIEWS_PER_BATCH),
    batches: regrets,
  };
}

describe('the bandit, refitted every 400 views', () => {
  const runs = [11, 22, 33, 44].map(play);
  const mean = (pick: (run: (typeof runs)[number]) => number) =>
    runs.reduce((sum, run) => sum + pick(run), 0) / runs.length;

  it('loses less to the best ladder of each context than the static baseline does, and less and less', () => {
    const ratio = (pick: (run: (typeof runs)[number]) => number) => mean(pick) / mean((run) => run.static);
    expect(ratio((run) => run.learned)).toBeLessThan(0.7);
    expect(ratio((run) => run.lastQuarter)).toBeLessThan(0.5);
  });

  it('costs viewers at most two points in any batch, where most other arms are 2.5 points worse', () => {
    for (const run of runs) for (const regret of run.batches) expect(regret - run.static).toBeLessThan(2);
  });
});
