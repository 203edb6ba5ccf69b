import type { PolicyConfig, ViewStatistics } from '../../src/domain/index.ts';
import { judgeArms } from '../../src/policy/guard.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { fitPosterior } from '../../src/policy/posterior.ts';
import { addedStatistics, uniforms } from '../../test/policy/policy-fixtures.ts';
import { type BenchResult, summarise } from '../report.ts';
import { normals } from './chance.ts';
import { isProbablyHarmful } from './posterior-guard.ts';
import { viewsOfArm, type Worse } from './views-of-arm.ts';

const HARMS: readonly { name: string; worse: Worse }[] = [
  { name: 'earns 20 points less', worse: { points: 20 } },
  { name: 'earns 10 points less', worse: { points: 10 } },
  { name: 'earns 5 points less', worse: { points: 5 } },
  { name: 'stalls in 4 % more of the time', worse: { stallingViews: 0.4 } },
  { name: 'fails to start in 10 % more of its views', worse: { startFailures: 0.1 } },
];
/** As at the start: the baseline has nine views in ten, each challenger one in a hundred. */
const VIEWS_PER_REFIT = { baseline: 360, challenger: 4 };
const MOST_REFITS = 150;

/** Views that a harmful arm gets until it is taken out, looked at every four of them; beside the rule that trips in most A/A runs. */
export function viewsUntilOut(runs: number): BenchResult[] {
  const base = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  // Two arms are enough: the others share the error, and that is kept as it is with eleven.
  const { guardrails } = base;
  const shared = 1 - (1 - guardrails.harmProbability) / (base.arms.length - 1);
  const arms = base.arms.filter(({ baseline, id }) => baseline || id === 'sparse');
  const config = { ...base, arms, guardrails: { ...guardrails, harmProbability: shared } };
  return HARMS.map(({ name, worse }) => {
    const times = Array.from({ length: runs }, (_, run) => untilOut(config, worse, run, guardrails));
    const summary = summarise(times.map(({ bound }) => bound));
    const { value: peerValue } = summarise(times.map(({ posterior }) => posterior));
    return {
      metric: `views of an arm that ${name} until it is out, ${runs} runs`,
      ...summary,
      unit: 'views',
      peer: 'P(worse) > 0.9 by the posterior, as before',
      peerValue,
      ratio: summary.value / peerValue,
    };
  });
}

function untilOut(config: PolicyConfig, worse: Worse, run: number, asBefore: PolicyConfig['guardrails']) {
  const uniform = uniforms(run + 1);
  const chance = { uniform, normal: normals(uniform) };
  const rows = new Map<string, ViewStatistics>();
  const most = MOST_REFITS * VIEWS_PER_REFIT.challenger;
  let [bound, posterior] = [most, most];
  for (let refit = 1; refit <= MOST_REFITS && Math.max(bound, posterior) === most; refit += 1) {
    for (const { id, baseline } of config.arms) {
      const count = baseline ? VIEWS_PER_REFIT.baseline : VIEWS_PER_REFIT.challenger;
      rows.set(id, addedStatistics(rows.get(id), viewsOfArm(id, count, chance, baseline ? {} : worse)));
    }
    const cell = fitPosterior([...rows.values()], config).contexts[0];
    if (!cell) continue;
    const verdict = judgeArms(cell, config.guardrails)[1];
    const given = refit * VIEWS_PER_REFIT.challenger;
    if (bound === most && verdict !== 'ok') bound = given;
    const isOut = verdict === 'stall' || verdict === 'start-failure' || isProbablyHarmful(cell, 1, asBefore);
    if (posterior === most && isOut) posterior = given;
  }
  return { bound, posterior };
}
