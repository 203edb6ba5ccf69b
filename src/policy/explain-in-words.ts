import type { ArmExplanation, Explanation } from './explain.ts';
import { contextInWords } from './plan-reason.ts';

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const points = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(1)} points`;

const BASIS: Record<Explanation['level'], string> = {
  cell: 'from its own views',
  region: 'from other views of its region',
  global: "from other regions' views",
  cold: 'from no views at all',
};

function whatWouldChange(best: ArmExplanation, rival: ArmExplanation | undefined): string {
  if (!rival) return 'No other arm is left to change that.';
  const name = rival.arm;
  if (rival.viewsNeeded === 0)
    return `It would take new evidence to change that: ${name}, the next best, is surely behind.`;
  const gap = Math.abs(best.gain - rival.gain).toFixed(1);
  if (rival.viewsNeeded === 'never') {
    return `${name} is ${gap} points away, too close to tell apart with any number of views worth waiting for.`;
  }
  return `${name} could still overtake it: they are ${gap} points apart, and about ${rival.viewsNeeded} more views of each would decide.`;
}

/** One to three sentences on what a context is given, on what basis, and what would change it. */
export function explainInWords(explained: Omit<Explanation, 'summary'>): string {
  const where = contextInWords(explained.context);
  const best = explained.arms.find(({ arm }) => arm === explained.best);
  if (!best || explained.level === 'cold') {
    return `Nothing is known for ${where} yet: ${percent(explained.baselineShare)} of views get the baseline and the rest try the other arms. Scored views would change that.`;
  }
  const lead = best.baseline
    ? `The baseline is the best choice known for ${where} (P(best) ${percent(best.pBest)}, ${BASIS[explained.level]}).`
    : `${best.arm} is the best choice known for ${where}: ${points(best.gain)} ± ${best.gainSd.toFixed(1)} over the baseline (P(best) ${percent(best.pBest)}, ${BASIS[explained.level]}).`;
  const rivals = explained.arms.filter(({ arm, guard }) => arm !== best.arm && guard === 'ok');
  const rival = rivals.sort((left, right) => right.pBest - left.pBest || right.gain - left.gain)[0];
  const dropped = explained.arms.filter(({ guard }) => guard !== 'ok').map(({ arm, guard }) => `${arm} (${guard})`);
  const guards = dropped.length > 0 ? ` Taken out by the guardrails: ${dropped.join(', ')}.` : '';
  return `${lead} ${whatWouldChange(best, rival)}${guards}${doubtsInWords(explained)}${ledgerInWords(explained)}`;
}

const MISSING: Record<ArmExplanation['missing'][number]['kind'], string> = {
  failed: 'fail to start',
  left: 'are left before their start',
  unobserved: 'are never heard of',
};

/** Said only of arms whose views may not be what they seem. */
function doubtsInWords({ arms }: Pick<Explanation, 'arms'>): string {
  const doubts = arms.flatMap(({ arm, missing, sampleRatio }) => [
    ...missing
      .filter(({ differs }) => differs)
      .map(
        ({ kind, excess }) =>
          `views of ${arm} ${MISSING[kind]} ${excess > 0 ? 'more' : 'less'} often than the baseline's`,
      ),
    ...(sampleRatio?.differs
      ? [`${arm} was given to ${sampleRatio.observed} views where ${Math.round(sampleRatio.expected)} were due`]
      : []),
  ]);
  return doubts.length > 0 ? ` Mind, over all contexts: ${doubts.join('; ')}.` : '';
}

/** Said only where it holds exploration back. */
function ledgerInWords({ ledger, baselineShare }: Pick<Explanation, 'ledger' | 'baselineShare'>): string {
  if (!ledger || ledger.wantedBaselineShare >= baselineShare) return '';
  const { views, gainLow, allowance, wantedBaselineShare } = ledger;
  const sofar =
    views > 0 ? ` ${Math.round(views)} views have surely gained no less than ${points(gainLow / views)} each,` : '';
  return ` Exploration is held back by the ledger:${sofar} ${allowance.toFixed(1)} may be lost, and the baseline gets ${percent(baselineShare)} instead of ${percent(wantedBaselineShare)}.`;
}
