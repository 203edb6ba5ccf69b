import type { LadderRung } from '../src/domain/index.ts';
import { bestUnion, type UnionProblem } from '../src/policy/best-union.ts';
import { defaultConfig, ladderFamily } from '../src/policy/ladder-families.ts';
import { mergeRungs } from '../src/policy/rung-union.ts';
import { bruteForceUnion } from '../test/policy/brute-force-union.ts';
import { uniforms } from '../test/policy/policy-fixtures.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

/** Regions × devices of a wide audience, the largest share first. */
const PARTS = 12;
/** Ladders differ by about this much between contexts (LEARNING: effects). */
const EFFECT_POINTS = 2;
/** An encode plan waits between a probe and the first frame. */
const TARGET_MS = 50;
/** As many as the policy begins with. */
const USUAL_LADDERS = 18;

type Made = { rungs: LadderRung[]; value: number };

/** How good an encode plan's union of rungs is beside the best of all sets, and beside growing it ladder by ladder; what it takes. */
export const plan: Bench = async ({ quick }) => {
  const runs = quick ? 60 : 300;
  return [
    againstBruteForce(quick ? 30 : 150),
    ...againstGrowing(USUAL_LADDERS, runs),
    ...againstGrowing(60, Math.round(runs / 4)),
  ];
};

/** Few and short ladders, so that every set of rungs can be tried. */
function againstBruteForce(runs: number): BenchResult {
  const uniform = uniforms(11);
  let same = 0;
  for (let run = 0; run < runs; run += 1) {
    const families = Array.from({ length: 5 }, () => randomLadder(uniform, 2 + Math.floor(2 * uniform())));
    const problem = problemOf(families, 5, uniform);
    const [found, best] = [bestUnion(problem), bruteForceUnion(problem)];
    same += Number(Math.abs((found?.value ?? 0) - (best?.value ?? 0)) < 1e-9);
  }
  return {
    metric: `plans worth what the best of all sets of rungs is, 5 ladders, ${runs} problems`,
    value: same / runs,
    unit: 'share',
    spread: 0,
    target: '1',
    met: same === runs,
  };
}

function againstGrowing(ladders: number, runs: number): BenchResult[] {
  const uniform = uniforms(ladders);
  const config = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  const families = config.arms.map(({ rungs }) => rungs);
  const [lost, took, shortfalls]: number[][] = [[], [], []];
  for (let run = 0; run < runs; run += 1) {
    const more = Array.from({ length: ladders - families.length }, () => randomLadder(uniform, 7));
    const problem = problemOf([...families, ...more], config.encode.maxRungs, uniform);
    const before = process.cpuUsage();
    const found = bestUnion(problem);
    const { user, system } = process.cpuUsage(before);
    took?.push((user + system) / 1000);
    shortfalls?.push(found?.shortfall ?? 0);
    lost?.push((found?.value ?? 0) - grownUnion(problem).value);
  }
  const exact = shortfalls?.filter((shortfall) => shortfall === 0).length ?? 0;
  const sorted = took?.toSorted((left, right) => left - right) ?? [];
  const p99 = sorted[Math.min(sorted.length - 1, Math.floor(0.99 * sorted.length))] ?? 0;
  const of = `${ladders} ladders, ${PARTS} contexts, 8 rungs`;
  return [
    {
      metric: `plans that are exact, ${of}`,
      value: exact / runs,
      unit: 'share',
      spread: 0,
      target: '1',
      met: exact === runs,
    },
    {
      metric: `most that any plan can fall short, ${of}`,
      value: Math.max(0, ...(shortfalls ?? [])),
      unit: 'points',
      spread: 0,
    },
    {
      metric: `worth more a view than a union grown ladder by ladder, ${of}`,
      ...summarise(lost ?? []),
      unit: 'points',
    },
    {
      metric: `processor time of a plan, p99, ${of}`,
      value: p99,
      unit: 'ms',
      spread: summarise(took ?? []).spread,
      ...(ladders > USUAL_LADDERS ? {} : { target: `≤ ${TARGET_MS}`, met: p99 <= TARGET_MS }),
    },
  ];
}

function problemOf(ladders: readonly (readonly LadderRung[])[], maxRungs: number, uniform: () => number): UnionProblem {
  const weights = Array.from({ length: PARTS }, () => uniform() ** 2);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const everywhere = ladders.map(() => normal(uniform));
  return {
    ladders: ladders.map((rungs, ladder) => ({
      rungs,
      points: weights.map(() =>
        ladder === 0 ? 0 : EFFECT_POINTS * (0.5 * (everywhere[ladder] ?? 0) + normal(uniform)),
      ),
    })),
    shares: weights.map((weight) => weight / all),
    required: (ladders[0] ?? []).slice(0, 1),
    maxRungs,
    mergeRatio: 1.2,
    costOf: ({ bitrateKbps }) => 0.05 + bitrateKbps / 50_000,
  };
}

/** Adds the ladder that adds most, until none adds more than its rungs cost: how plans were made before. */
function grownUnion(problem: UnionProblem): Made {
  const { ladders, required, maxRungs, mergeRatio } = problem;
  let best: Made | null = null;
  for (const first of ladders) {
    let grown = valued(mergeRungs(required, first.rungs, mergeRatio), problem);
    if (grown.rungs.length > maxRungs) continue;
    for (;;) {
      const candidates = ladders
        .map(({ rungs }) => mergeRungs(grown.rungs, rungs, mergeRatio))
        .filter((rungs) => rungs.length <= maxRungs)
        .map((rungs) => valued(rungs, problem));
      const next = candidates.sort((left, right) => right.value - left.value)[0];
      if (next === undefined || next.value <= grown.value) break;
      grown = next;
    }
    if (best === null || grown.value > best.value) best = grown;
  }
  return best ?? { rungs: [], value: 0 };
}

/** What a set of rungs is worth by the same objective, substitutes left out in its favour. */
function valued(rungs: LadderRung[], { ladders, shares, mergeRatio, costOf }: UnionProblem): Made {
  const carried = ladders.filter((ladder) => mergeRungs(rungs, ladder.rungs, mergeRatio).length === rungs.length);
  const points = shares.reduce(
    (sum, share, part) => sum + share * Math.max(...carried.map((ladder) => ladder.points[part] ?? 0)),
    0,
  );
  return { rungs, value: points - rungs.reduce((sum, rung) => sum + costOf(rung), 0) };
}

function randomLadder(uniform: () => number, rungs: number): LadderRung[] {
  const floor = 100 * 4 ** uniform();
  const spacing = 1.4 + uniform();
  return ladderFamily(
    'any',
    Array.from({ length: rungs }, (_, index) => Math.round(floor * spacing ** index)),
  ).rungs;
}

function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
