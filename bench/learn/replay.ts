import { seededRng } from '../../src/policy/seeded-rng.ts';
import { cellOf, type RewardTable } from './reward-table.ts';

/** A view that comes in: its context, and what is known before it is offered anything. */
export type Arrival = { context: number; throughput: number; prospect: number };

/** What a policy learns of a view once it has ended. */
export type Outcome = Arrival & { arm: number; reward: number; session: number };

/** Chooses arms by position (0 is the baseline), and learns from whole batches. */
export type ReplayPolicy = {
  name: string;
  choose(arrival: Arrival): number;
  learn(batch: readonly Outcome[]): void;
};

export type Scenario = 'stationary' | 'shift';

/** Regret in points per view against each context's best arm. */
export type ReplayResult = {
  mean: number;
  lastTenth: number;
  byBatch: number[];
  byContext: Float64Array;
  /** Of the last tenth. */
  lateByContext: Float64Array;
  byFile: Float64Array;
  viewsByContext: Float64Array;
  /** Reward per view. */
  reward: number;
};

export const VIEWS = 48_000;
export const BATCH = 400;

/** Best arm of each context of a table by its mean over all sessions. */
export function oracleArms(table: RewardTable): number[] {
  return table.contexts.map((_, context) => {
    const means = meanRewards(table, context);
    return means.indexOf(Math.max(...means));
  });
}

/** Mean reward per arm over a context's sessions. */
export function meanRewards(table: RewardTable, context: number): number[] {
  const sessions = table.byFamily[context >> 1] ?? [];
  return Array.from({ length: table.arms }, (_, arm) => {
    let sum = 0;
    for (const session of sessions) sum += table.rewards[cellOf(table, session, context & 1, arm)] ?? 0;
    return sum / sessions.length;
  });
}

/** In the shift, half-way through, these two families' regions get each other's lines. */
export const SHIFTED = ['norway-3g', 'us-puffer'] as const;

/** Which family's lines a region has at a batch. */
function familyAt(table: RewardTable, family: number, batch: number, batches: number, scenario: Scenario): number {
  if (scenario === 'stationary' || batch < batches / 2) return family;
  const pair = shiftedPair(table);
  const at = pair.indexOf(family);
  return at < 0 ? family : (pair[1 - at] ?? family);
}

function shiftedPair(table: RewardTable): number[] {
  const pair = SHIFTED.map((name) => table.families.indexOf(name));
  return pair.includes(-1) ? [0, table.families.length - 1] : pair;
}

/** Plays views in batches; every policy meets the same views for the same seed. Views are paired: regret is what the best arm would have brought this view, less what it got. */
export function replay(
  table: RewardTable,
  policy: ReplayPolicy,
  seed: number,
  scenario: Scenario,
  views = VIEWS,
): ReplayResult {
  const rng = seededRng(seed, 'views');
  const best = oracleArms(table);
  const batches = Math.round(views / BATCH);
  const contexts = table.contexts.length;
  const result: ReplayResult = {
    mean: 0,
    lastTenth: 0,
    byBatch: [],
    byContext: new Float64Array(contexts),
    lateByContext: new Float64Array(contexts),
    byFile: new Float64Array(table.files.length),
    viewsByContext: new Float64Array(contexts),
    reward: 0,
  };
  const lateViews = new Float64Array(contexts);
  for (let batch = 0; batch < batches; batch += 1) {
    const outcomes: Outcome[] = [];
    let regret = 0;
    for (let view = 0; view < BATCH; view += 1) {
      const context = Math.floor(rng() * contexts);
      const device = context & 1;
      const family = familyAt(table, context >> 1, batch, batches, scenario);
      const pool = table.byFamily[family] ?? [];
      const session = pool[Math.floor(rng() * pool.length)] ?? 0;
      const known = table.sessions[session];
      const throughput = known?.throughput ?? 0;
      const prospect = known?.prospects[device === 0 ? 0 : 1] ?? 0;
      const arm = policy.choose({ context, throughput, prospect });
      const reward = table.rewards[cellOf(table, session, device, arm)] ?? 0;
      const lost = (table.rewards[cellOf(table, session, device, best[family * 2 + device] ?? 0)] ?? 0) - reward;
      regret += lost;
      result.reward += reward / (batches * BATCH);
      const file = known?.file ?? 0;
      result.byFile[file] = (result.byFile[file] ?? 0) + lost;
      result.byContext[context] = (result.byContext[context] ?? 0) + lost;
      result.viewsByContext[context] = (result.viewsByContext[context] ?? 0) + 1;
      if (batch >= batches * 0.9) {
        result.lateByContext[context] = (result.lateByContext[context] ?? 0) + lost;
        lateViews[context] = (lateViews[context] ?? 0) + 1;
      }
      outcomes.push({ context, throughput, prospect, arm, reward, session: session * 2 + device });
    }
    result.byBatch.push(regret / BATCH);
    policy.learn(outcomes);
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  for (let context = 0; context < contexts; context += 1) {
    result.byContext[context] = (result.byContext[context] ?? 0) / Math.max(1, result.viewsByContext[context] ?? 0);
    result.lateByContext[context] = (result.lateByContext[context] ?? 0) / Math.max(1, lateViews[context] ?? 0);
  }
  return { ...result, mean: mean(result.byBatch), lastTenth: mean(result.byBatch.slice(Math.floor(batches * 0.9))) };
}
