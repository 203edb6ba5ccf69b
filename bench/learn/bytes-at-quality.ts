import { quantile } from 'simple-statistics';
import type { PolicyConfig } from '../../src/domain/index.ts';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import type { BenchResult } from '../report.ts';
import { ourPolicy } from './our-policy.ts';
import { BATCH, type Outcome, type ReplayPolicy, replay } from './replay.ts';
import { KEPT, type RewardTable, reweighted } from './reward-table.ts';

/** Points per Mbit/s that the learner is run under; a static ladder is chosen for every price in between too. */
const LEARNED_PRICES = [0.5, 1, 2, 4, 8];
const STATIC_PRICES = Array.from({ length: 33 }, (_, step) => 0.25 * 2 ** (step / 5));
/** Views of each run; what counts is its second half, when it has learned. */
const VIEWS = 24_000;
const RESAMPLES = 500;
const MBPS = KEPT.indexOf('mbps');

/** Per trace file: views, Mbit/s, and points without what bytes cost. */
type ByFile = { views: Float64Array; mbps: Float64Array; points: Float64Array };
type Point = { mbps: number; points: number };

const emptyByFile = (files: number): ByFile => ({
  views: new Float64Array(files),
  mbps: new Float64Array(files),
  points: new Float64Array(files),
});

/** `policy`, with every view of the second half counted for what it chose and for what each arm would have brought. */
function counted(
  table: RewardTable,
  price: number,
  policy: ReplayPolicy,
): { policy: ReplayPolicy; own: ByFile; arms: ByFile[] } {
  const own = emptyByFile(table.files.length);
  const arms = Array.from({ length: table.arms }, () => emptyByFile(table.files.length));
  const add = (to: ByFile, { session }: Outcome, arm: number): void => {
    const cell = session * table.arms + arm;
    const file = table.sessions[session >> 1]?.file ?? 0;
    const mbps = table.values[cell * KEPT.length + MBPS] ?? 0;
    to.views[file] = (to.views[file] ?? 0) + 1;
    to.mbps[file] = (to.mbps[file] ?? 0) + mbps;
    to.points[file] = (to.points[file] ?? 0) + (table.rewards[cell] ?? 0) + price * mbps;
  };
  let batches = 0;
  const learn: ReplayPolicy['learn'] = (batch) => {
    batches += 1;
    if (batches > VIEWS / BATCH / 2) {
      for (const outcome of batch) {
        add(own, outcome, outcome.arm);
        for (const [arm, to] of arms.entries()) add(to, outcome, arm);
      }
    }
    policy.learn(batch);
  };
  return { policy: { ...policy, learn }, own, arms };
}

function pointOf(of: ByFile, files: readonly number[]): Point {
  let [views, mbps, points] = [0, 0, 0];
  for (const file of files) {
    views += of.views[file] ?? 0;
    mbps += of.mbps[file] ?? 0;
    points += of.points[file] ?? 0;
  }
  return { mbps: mbps / views, points: points / views };
}

/** Rising in both: whatever costs more without bringing more is left out. */
function frontier(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (const point of points.toSorted((left, right) => left.mbps - right.mbps)) {
    if (point.points > (kept.at(-1)?.points ?? Number.NEGATIVE_INFINITY)) kept.push(point);
  }
  return kept;
}

/** ln(Mbit/s) at so many points, linear between neighbours. */
function logRateAt(curve: readonly Point[], points: number): number {
  const next = Math.max(
    1,
    curve.findIndex((each) => each.points >= points),
  );
  const [low, high] = [curve[next - 1], curve[next]];
  if (!low || !high) return Number.NaN;
  const position = (points - low.points) / (high.points - low.points);
  return Math.log(low.mbps) + position * Math.log(high.mbps / low.mbps);
}

/** Bjøntegaard's mean difference in rate at the same points, over the points both reach; null where they share none. */
export function bdRate(own: readonly Point[], other: readonly Point[]): number | null {
  const [left, right] = [frontier(own), frontier(other)];
  const from = Math.max(left[0]?.points ?? 0, right[0]?.points ?? 0);
  const until = Math.min(left.at(-1)?.points ?? 0, right.at(-1)?.points ?? 0);
  if (left.length < 2 || right.length < 2 || until <= from) return null;
  const steps = 100;
  let sum = 0;
  for (let step = 0; step < steps; step += 1) {
    const points = from + ((until - from) * (step + 0.5)) / steps;
    sum += logRateAt(left, points) - logRateAt(right, points);
  }
  return Math.exp(sum / steps) - 1;
}

/** Bytes of the learned policy against the best global static ladder at the same points, over a sweep of what bytes cost. */
export function bytesRow(table: RewardTable, config: PolicyConfig): BenchResult {
  const runs = LEARNED_PRICES.map((price) => {
    const reward = { ...config.reward, deliveredMbps: price };
    const priced = reweighted(table, reward);
    const run = counted(priced, price, ourPolicy(priced, { ...config, reward }, 1));
    replay(priced, run.policy, 1, 'stationary', VIEWS);
    return run;
  });
  const everyFile = [...table.files.keys()];
  // All runs met the same views: static ladders are the same in each.
  const statics = runs[0]?.arms ?? [];
  const whole = statics.map((arm) => pointOf(arm, everyFile));
  const best = new Set(
    STATIC_PRICES.map((price) => {
      const worth = whole.map(({ mbps, points }) => points - price * mbps);
      return worth.indexOf(Math.max(...worth));
    }),
  );
  const rateOver = (files: readonly number[]): number | null =>
    bdRate(
      runs.map(({ own }) => pointOf(own, files)),
      [...best].map((arm) => pointOf(statics[arm] ?? emptyByFile(0), files)),
    );
  const rng = seededRng(13, 'files');
  const resampled = Array.from({ length: RESAMPLES }, () =>
    rateOver(everyFile.map(() => Math.floor(rng() * everyFile.length))),
  ).filter((rate): rate is number => rate !== null);
  const value = 100 * (rateOver(everyFile) ?? Number.NaN);
  const [low, high] = [0.025, 0.975].map((share) => 100 * quantile(resampled, share));
  return {
    metric: `BD-rate of the learned policy at the same points without bytes, egress weight ${LEARNED_PRICES.join(', ')} (95 % over trace files ${low?.toFixed(1)} to ${high?.toFixed(1)} %), best global static ladders: ${[...best].map((arm) => config.arms[arm]?.id).join(', ')}`,
    unit: '%',
    value,
    spread: (high ?? 0) - (low ?? 0),
    peer: 'published for context-aware ladders',
    peerValue: -9.6,
  };
}
