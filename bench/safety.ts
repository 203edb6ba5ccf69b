import type { ViewStatistics } from '../src/domain/index.ts';
import { buildAllocation } from '../src/policy/allocate.ts';
import { confidenceSequence } from '../src/policy/confidence-sequence.ts';
import { defaultConfig } from '../src/policy/ladder-families.ts';
import { addedStatistics, PHONE, statisticsOf, uniforms } from '../test/policy/policy-fixtures.ts';
import type { Bench, BenchResult } from './report.ts';

/** A view's reward varies this much, as on real traces; what is asked about is whether two equal things are told apart. */
const NOISE_POINTS = 15;
const ALPHA = 0.05;
const LOOKS = 40;
const VIEWS_PER_LOOK = 100;
/** Where the interval is to be tightest: two arms at half of all looks. */
const TIGHTEST_AT = NOISE_POINTS * Math.sqrt(2 / ((LOOKS * VIEWS_PER_LOOK) / 2));

const REFITS = 12;
const VIEWS_PER_REFIT = 400;
const MEAN_POINTS = 70;
/** A fifth of views stall, a tenth of their time on average: 2 % in all. */
const STALLING_VIEWS = 0.2;
const STALL_RATIO = 0.1;
const START_FAILURES = 0.02;
const VIEW_MS = 60_000;

/** What is concluded of arms that are all the same: nothing, as often as promised. */
export const safety: Bench = async ({ quick }) => {
  const runs = quick ? 200 : 2_000;
  const trips = guardTrips(runs);
  return [coverage(runs), ...trips];
};

/** Share of runs in which the interval held the truth at every look; beside it, the ordinary interval looked at as often. */
function coverage(runs: number): BenchResult {
  let [held, ordinaryHeld] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const normal = normals(uniforms(run + 1));
    const sums = [moments(), moments()] as const;
    let [holds, ordinaryHolds] = [true, true];
    for (let look = 0; look < LOOKS; look += 1) {
      for (const side of sums) for (let n = 0; n < VIEWS_PER_LOOK; n += 1) side.add(NOISE_POINTS * normal());
      const estimate = {
        difference: sums[1].mean() - sums[0].mean(),
        standardError: Math.sqrt(sums[0].errorVariance() + sums[1].errorVariance()),
      };
      const { low, high } = confidenceSequence(estimate, { alpha: ALPHA, tightestAt: TIGHTEST_AT });
      holds &&= low <= 0 && high >= 0;
      ordinaryHolds &&= Math.abs(estimate.difference) <= 1.96 * estimate.standardError;
    }
    held += Number(holds);
    ordinaryHeld += Number(ordinaryHolds);
  }
  return {
    metric: `confidence sequence covers at every one of ${LOOKS} looks, ${runs} runs`,
    value: held / runs,
    unit: 'share',
    spread: binomialError(held, runs),
    peer: 'ordinary 95 % interval, looked at as often',
    peerValue: ordinaryHeld / runs,
    ratio: held / Math.max(1, ordinaryHeld),
    target: '≥ 0.95',
    met: held / runs >= 1 - ALPHA,
  };
}

/** Share of runs in which any arm was ever taken out, though all are the same; by verdict. */
function guardTrips(runs: number): BenchResult[] {
  const config = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  const nominal = { harm: 1 - config.guardrails.harmProbability, stall: ALPHA, 'start-failure': ALPHA };
  const tripped = { harm: 0, stall: 0, 'start-failure': 0 };
  for (let run = 0; run < runs; run += 1) {
    const seen = new Set<string>();
    const uniform = uniforms(run + 1);
    const normal = normals(uniform);
    const rows = new Map<string, ViewStatistics>();
    let previous: Parameters<typeof buildAllocation>[0]['previous'] = null;
    for (let refit = 0; refit < REFITS; refit += 1) {
      const weights = previous?.allocation.contexts.find(({ level }) => level === 'cell')?.arms;
      for (const { id } of config.arms) {
        const share = weights?.find(({ arm }) => arm === id)?.weight ?? 1 / config.arms.length;
        const count = Math.round(VIEWS_PER_REFIT * share);
        if (count === 0) continue;
        rows.set(id, addedStatistics(rows.get(id), equalViews(id, count, normal, uniform)));
      }
      const stamp = { config, seed: run * REFITS + refit, allocationVersion: refit + 1, createdAt: config.createdAt };
      const allocation = buildAllocation({ ...stamp, statistics: [...rows.values()], previous, maturedViews: 0 });
      previous = { config, allocation };
      for (const { arms } of allocation.contexts) for (const { guard } of arms) seen.add(guard);
    }
    for (const verdict of Object.keys(tripped) as (keyof typeof tripped)[]) {
      tripped[verdict] += Number(seen.has(verdict));
    }
  }
  return Object.entries(nominal).map(([verdict, most]) => {
    const count = tripped[verdict as keyof typeof tripped];
    return {
      metric: `${verdict} guard trips in A/A, ${config.arms.length} arms, ${REFITS} refits of ${VIEWS_PER_REFIT} views, ${runs} runs`,
      value: count / runs,
      unit: 'share of runs',
      spread: binomialError(count, runs),
      target: `≤ ${most.toFixed(2)}`,
      met: count / runs <= most,
    };
  });
}

/** Views of one arm as of any other: stalls are long-tailed, most views have none, and a few fail to start. */
function equalViews(arm: string, count: number, normal: () => number, uniform: () => number): ViewStatistics {
  const started = Array.from({ length: count }, () => uniform()).filter((drawn) => drawn >= START_FAILURES).length;
  const views = Array.from({ length: started }, () => ({
    quality: MEAN_POINTS + NOISE_POINTS * normal(),
    stall: uniform() < STALLING_VIEWS ? Math.min(0.9, -Math.log(1 - uniform()) * STALL_RATIO) : 0,
  }));
  const stalledMs = views.reduce((sum, { stall }) => sum + stall * VIEW_MS, 0);
  return statisticsOf(
    {
      context: PHONE,
      arm,
      stalledMs,
      playedMs: started * VIEW_MS - stalledMs,
      decided: count,
      failedToStart: count - started,
    },
    views,
  );
}

function moments() {
  let [count, mean, squares] = [0, 0, 0];
  return {
    add(value: number): void {
      count += 1;
      const before = value - mean;
      mean += before / count;
      squares += before * (value - mean);
    },
    mean: () => mean,
    errorVariance: () => squares / (count - 1) / count,
  };
}

function normals(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const binomialError = (count: number, runs: number): number => {
  const share = count / runs;
  return Math.sqrt((share * (1 - share)) / runs);
};
