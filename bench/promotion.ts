import type { Context } from '../src/domain/index.ts';
import { defaultConfig } from '../src/policy/ladder-families.ts';
import { compareSides, type TrialGroup } from '../src/policy/promotion/compare-sides.ts';
import { judgeTrial } from '../src/policy/promotion/judge-trial.ts';
import { uniforms } from '../test/policy/policy-fixtures.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

/** Contexts as on real traces: what a view earns varies much more where lines are slow. */
const CONTEXTS = [
  { mean: 20, sd: 30, stallingShare: 0.3 },
  { mean: 70, sd: 15, stallingShare: 0.08 },
  { mean: 88, sd: 5, stallingShare: 0.02 },
] as const;
const STALL_SECONDS = 5;
const VIEW_SECONDS = 60;
const START_FAILURES = 0.02;
const UNHEARD = 0.05;
/** Refits are looked at every few minutes; what matters is that there are many looks. */
const VIEWS_PER_LOOK = 600;
const MOST_LOOKS = 60;

type World = { gain: number; stallingMore: number };
type End = { stage: 'canary' | 'ramp' | 'active' | 'rolled-back'; candidateViews: number };

/** What becomes of candidates that are as good, better or worse, over a life of trials from the canary on. */
export const promotion: Bench = async ({ quick }) => {
  const runs = quick ? 400 : 2_000;
  const alpha = defaultConfig({ createdAt: START }).promotion.alpha;
  const same = lives(runs, { gain: 0, stallingMore: 0 });
  const powered = Math.round(runs / 4);
  const better = lives(powered, { gain: 2, stallingMore: 0 });
  const worse = lives(powered, { gain: -2, stallingMore: 0 });
  const stalling = lives(powered, { gain: 0, stallingMore: 1.5 });
  return [
    share('put in force though as good as what is', same, 'active', `≤ ${alpha}`, (value) => value <= alpha),
    share('rolled back though as good as what is', same, 'rolled-back', `≤ ${alpha}`, (value) => value <= alpha),
    share('put in force, 2 points better', better, 'active'),
    share('rolled back though 2 points better', better, 'rolled-back', `≤ ${alpha}`, (value) => value <= alpha),
    share('rolled back, 2 points worse', worse, 'rolled-back'),
    share('put in force though 2 points worse', worse, 'active', `≤ ${alpha}`, (value) => value <= alpha),
    views('its views until one 2 points worse was rolled back', worse, 'rolled-back'),
    share('rolled back, two and a half times the stalls at the same reward', stalling, 'rolled-back'),
  ];
};

const START = '2026-01-01T00:00:00.000Z';

function lives(runs: number, world: World): End[] {
  return Array.from({ length: runs }, (_, run) => life(run + 1, world));
}

/** One trial, looked at after every refit until it ends or its time is up. */
function life(seed: number, { gain, stallingMore }: World): End {
  const settings = defaultConfig({ createdAt: START });
  const uniform = uniforms(seed);
  const groups = new Map<string, TrialGroup>();
  let [stage, at]: ['canary' | 'ramp', number] = ['canary', settings.promotion.canaryShare];
  let candidateViews = 0;
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    for (let view = 0; view < VIEWS_PER_LOOK; view += 1) {
      const context = Math.floor(uniform() * CONTEXTS.length);
      const candidate = uniform() < at;
      candidateViews += Number(candidate);
      const key = `${context}|${at}|${candidate}`;
      const group = groups.get(key) ?? emptyGroup(context, at, candidate);
      groups.set(key, group);
      addView(group, CONTEXTS[context] ?? CONTEXTS[0], candidate ? { gain, stallingMore } : EVEN, uniform);
    }
    const trial = compareSides([...groups.values()], settings.promotion.alpha);
    const asked = { trial: { stage, share: at, held: false, since: START }, evidence: { shadow: null, trial } };
    const verdict = judgeTrial({ ...asked, settings, nowMs: Date.parse(START) });
    if (verdict.kind === 'stay') continue;
    if (verdict.stage === 'active' || verdict.stage === 'rolled-back') return { stage: verdict.stage, candidateViews };
    [stage, at] = [verdict.stage, verdict.share];
  }
  return { stage, candidateViews };
}

const EVEN: World = { gain: 0, stallingMore: 0 };

function emptyGroup(context: number, candidateShare: number, candidate: boolean): TrialGroup {
  const where: Context = { region: `Z${'ABC'[context]}`, device: 'phone', connection: 'unknown' };
  const stall: TrialGroup['stall'] = [0, 0, 0, 0, 0];
  return {
    context: where,
    candidate,
    candidateShare,
    moments: [0, 0, 0, 0, 0, 0],
    stall,
    decided: 0,
    heard: 0,
    failedToStart: 0,
  };
}

function addView(
  group: TrialGroup,
  { mean, sd, stallingShare }: (typeof CONTEXTS)[number],
  { gain, stallingMore }: World,
  uniform: () => number,
): void {
  group.decided += 1;
  if (uniform() < UNHEARD) return;
  group.heard += 1;
  if (uniform() < START_FAILURES) {
    group.failedToStart += 1;
    return;
  }
  const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const reward = mean + gain + sd * normal;
  // Stalls are long-tailed: most views have none, a few have many times the mean.
  const stalls = uniform() < stallingShare * (1 + stallingMore);
  const stalled = stalls ? -Math.log(1 - uniform()) * STALL_SECONDS : 0;
  const watched = VIEW_SECONDS + stalled;
  add(group.moments, [1, reward, reward ** 2, 0, 0, 0]);
  add(group.stall, [stalled, watched, stalled ** 2, stalled * watched, watched ** 2]);
}

function add(sums: number[], values: readonly number[]): void {
  for (const [index, value] of values.entries()) sums[index] = (sums[index] ?? 0) + value;
}

function share(
  metric: string,
  ends: readonly End[],
  stage: string,
  target?: string,
  isMet: (value: number) => boolean = () => true,
): BenchResult {
  const value = ends.filter((end) => end.stage === stage).length / ends.length;
  const spread = Math.sqrt((value * (1 - value)) / ends.length);
  const aim = target === undefined ? {} : { target, met: isMet(value) };
  return {
    metric: `${metric}: ${ends.length} runs of up to ${MOST_LOOKS} looks`,
    value,
    unit: 'share of runs',
    spread,
    ...aim,
  };
}

function views(metric: string, ends: readonly End[], stage: string): BenchResult {
  const reached = ends.filter((end) => end.stage === stage).map(({ candidateViews }) => candidateViews);
  return { metric, unit: 'views', ...summarise(reached) };
}
