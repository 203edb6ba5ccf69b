import type { ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation } from '../../src/policy/allocate.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { addedStatistics, uniforms } from '../../test/policy/policy-fixtures.ts';
import type { BenchResult } from '../report.ts';
import { binomialError, normals } from './chance.ts';
import { isProbablyHarmful } from './posterior-guard.ts';
import { viewsOfArm } from './views-of-arm.ts';

const REFITS = 12;
const VIEWS_PER_REFIT = 400;
const ALPHA = 0.05;
/** Fewer than in service: thousands of runs. */
const DRAWS = 300;
/** Enough to tell a tenth from a fifth. */
const EDGE_RUNS = 200;
/** Runs in which the earlier rule is asked too: it needs a fit of its own. */
const PEER_RUNS = 100;

/**
 * Share of runs in which any arm was ever taken out wrongly, by verdict: all arms the same, and every challenger worse by exactly as
 * much as is tolerated, where the bound is least slack.
 */
export function guardTrips(runs: number): BenchResult[] {
  const config = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  const { harmProbability, harmPoints } = config.guardrails;
  const edgeRuns = Math.min(runs, EDGE_RUNS);
  const same = countTrips(runs, 0);
  const edge = countTrips(edgeRuns, harmPoints);
  const what = `${config.arms.length} arms, ${REFITS} refits of ${VIEWS_PER_REFIT} views`;
  const row = (metric: string, count: number, of: number, most: number): BenchResult => ({
    metric: `${metric}, ${what}, ${of} runs`,
    value: count / of,
    unit: 'share of runs',
    spread: binomialError(count, of),
    target: `≤ ${most.toFixed(2)}`,
    met: count / of <= most,
  });
  const peerRuns = Math.min(runs, PEER_RUNS);
  return [
    {
      ...row('harm guard trips in A/A', same.harm, runs, 1 - harmProbability),
      peer: 'P(worse) > 0.9 by the posterior, as before',
      peerValue: same.byPosterior / peerRuns,
      ratio: same.harm / runs / Math.max(1 / peerRuns, same.byPosterior / peerRuns),
    },
    row(
      `harm guard trips though no arm is worse by more than ${harmPoints} point`,
      edge.harm,
      edgeRuns,
      1 - harmProbability,
    ),
    row('stall guard trips in A/A', same.stall, runs, ALPHA),
    row('start-failure guard trips in A/A', same['start-failure'], runs, ALPHA),
  ];
}

function countTrips(runs: number, worsePoints: number) {
  const base = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  const config = { ...base, exploration: { ...base.exploration, posteriorDraws: DRAWS } };
  const tripped = { harm: 0, stall: 0, 'start-failure': 0, byPosterior: 0 };
  for (let run = 0; run < runs; run += 1) {
    const seen = new Set<string>();
    const uniform = uniforms(run + 1);
    const chance = { uniform, normal: normals(uniform) };
    const rows = new Map<string, ViewStatistics>();
    let previous: Parameters<typeof buildAllocation>[0]['previous'] = null;
    for (let refit = 0; refit < REFITS; refit += 1) {
      const weights = previous?.allocation.contexts.find(({ level }) => level === 'cell')?.arms;
      for (const { id, baseline } of config.arms) {
        const share = weights?.find(({ arm }) => arm === id)?.weight ?? 1 / config.arms.length;
        const count = Math.round(VIEWS_PER_REFIT * share);
        if (count === 0) continue;
        const views = viewsOfArm(id, count, chance, { points: baseline ? 0 : worsePoints });
        rows.set(id, addedStatistics(rows.get(id), views));
      }
      const stamp = { config, seed: run * REFITS + refit, allocationVersion: refit + 1, createdAt: config.createdAt };
      const statistics = [...rows.values()];
      const allocation = buildAllocation({ ...stamp, statistics, previous, maturedViews: 0 });
      // Variances are measured once: they decide how views are spread, not what guards conclude.
      const effects = allocation.effects && { ...allocation.effects, views: Number.MAX_SAFE_INTEGER };
      previous = { config, allocation: effects ? { ...allocation, effects } : allocation };
      for (const { arms } of allocation.contexts) for (const { guard } of arms) seen.add(guard);
      if (run < PEER_RUNS && worsePoints === 0) {
        const { contexts, arms } = fitPosterior(statistics, config, allocation.effects ?? null);
        const harmful = contexts.some((context) =>
          arms.some((_, arm) => isProbablyHarmful(context, arm, config.guardrails)),
        );
        if (harmful) seen.add('byPosterior');
      }
    }
    for (const verdict of Object.keys(tripped) as (keyof typeof tripped)[])
      tripped[verdict] += Number(seen.has(verdict));
  }
  return tripped;
}
