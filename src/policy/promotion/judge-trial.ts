import type { Compared, PolicyConfig, PromotionEvidence } from '../../domain/index.ts';
import type { Trial } from './stages.ts';

/** What the evidence says is to be done with a trial, in words a person can check. */
export type Verdict =
  | { kind: 'stay'; reason: string }
  | { kind: 'move'; stage: 'canary' | 'ramp' | 'active' | 'rolled-back'; share: number; reason: string };

type Question = {
  trial: Pick<Trial, 'stage' | 'share' | 'held' | 'since'>;
  evidence: PromotionEvidence;
  /** Of the config in force. */
  settings: Pick<PolicyConfig, 'promotion' | 'guardrails'>;
  nowMs: number;
};

const DAY_MS = 86_400_000;
const stay = (reason: string): Verdict => ({ kind: 'stay', reason });
const rollBack = (reason: string): Verdict => ({ kind: 'move', stage: 'rolled-back', share: 0, reason });
const said = (value: number | null, digits = 2): string => (value === null ? 'anything' : value.toFixed(digits));
const points = ({ difference, low, high }: Compared): string =>
  `${said(difference)} points per view (${said(low)} to ${said(high)})`;

/** Where a candidate goes next when nothing speaks against it. */
export function nextStage(
  { stage, share }: Pick<Trial, 'stage' | 'share'>,
  { canaryShare, rampShares }: PolicyConfig['promotion'],
): { stage: 'canary' | 'ramp' | 'active'; share: number } {
  if (stage === 'shadow') return { stage: 'canary', share: canaryShare };
  const larger = rampShares.filter((rampShare) => rampShare > share);
  return larger.length === 0 ? { stage: 'active', share: 1 } : { stage: 'ramp', share: Math.min(...larger) };
}

/**
 * Harm first, whoever holds it; then patience; then the next stage. Up to the last ramp a candidate needs not to be bad enough to
 * matter at the share it would get; to be in force it must surely be better. Every interval holds at all looks at once.
 */
export function judgeTrial(question: Question): Verdict {
  const harm = question.trial.stage === 'shadow' ? shadowHarm(question) : trialHarm(question);
  if (harm !== null) return rollBack(harm);
  if (question.trial.held) return stay('held until somebody says otherwise');
  const next = question.trial.stage === 'shadow' ? leaveShadow(question) : leaveStage(question);
  const { patienceDays } = question.settings.promotion;
  if (next.kind === 'stay' && question.nowMs - Date.parse(question.trial.since) > patienceDays * DAY_MS)
    return rollBack(`nothing decided within ${patienceDays} days: ${next.reason}`);
  return next;
}

function shadowHarm({ evidence: { shadow }, settings }: Question): string | null {
  const { guardrails, promotion } = settings;
  if (shadow === null || shadow.effectiveViews < promotion.minEffectiveViews) return null;
  const isHarmful = shadow.gain.high !== null && shadow.gain.high < -guardrails.harmPoints;
  return isHarmful ? `logged views say it does harm: ${points(shadow.gain)}` : null;
}

function trialHarm({ evidence: { trial }, settings: { guardrails } }: Question): string | null {
  if (trial === null || Math.min(trial.views, trial.controlViews) < guardrails.minViews) return null;
  const { stallRatio, startFailure, unheard, reward } = trial;
  if (stallRatio.low !== null && stallRatio.low > guardrails.stallRatioExcess)
    return `it stalls too much: ${said(stallRatio.difference, 4)} of the time more (at least ${said(stallRatio.low, 4)})`;
  if (startFailure.low !== null && startFailure.low > guardrails.startFailureExcess)
    return `too many views fail to start: ${said(startFailure.difference, 4)} more (at least ${said(startFailure.low, 4)})`;
  if (unheard.low !== null && unheard.low > guardrails.startFailureExcess)
    return `too many views are never heard of: ${said(unheard.difference, 4)} more (at least ${said(unheard.low, 4)})`;
  return reward.high !== null && reward.high < 0 ? `it is worse: ${points(reward)}` : null;
}

function leaveShadow({ trial, evidence: { shadow }, settings: { guardrails, promotion } }: Question): Verdict {
  const seen = shadow?.effectiveViews ?? 0;
  if (shadow === null || seen < promotion.minEffectiveViews)
    return stay(
      `logged views are as good as ${Math.floor(seen)} of its own, ${promotion.minEffectiveViews} are needed`,
    );
  if (shadow.gain.low === null || shadow.gain.low <= -guardrails.harmPoints)
    return stay(`logged views do not rule out harm: ${points(shadow.gain)}`);
  const reason = `logged views rule out harm: ${points(shadow.gain)}, as good as ${Math.floor(seen)} views of its own`;
  return { kind: 'move', ...nextStage(trial, promotion), reason };
}

function leaveStage({ trial: at, evidence: { trial }, settings: { guardrails, promotion } }: Question): Verdict {
  const steps = 1 + promotion.rampShares.filter((rampShare) => rampShare <= at.share).length;
  const needed = promotion.minViews * steps;
  const seen = trial === null ? 0 : Math.floor(Math.min(trial.views, trial.controlViews));
  if (trial === null || seen < needed) return stay(`${seen} views of the smaller side, ${needed} are needed`);
  const next = nextStage(at, promotion);
  const { reward } = trial;
  if (next.stage === 'active') {
    if (reward.low === null || reward.low <= promotion.marginPoints)
      return stay(`not surely better by ${promotion.marginPoints} points: ${points(reward)}`);
    return { kind: 'move', ...next, reason: `it is better: ${points(reward)}` };
  }
  // What the worst case would cost the average view at the next share.
  const atStake = reward.low === null ? Number.POSITIVE_INFINITY : -reward.low * next.share;
  if (atStake >= guardrails.harmPoints)
    return stay(`too much at stake for a share of ${next.share}: ${points(reward)}`);
  return { kind: 'move', ...next, reason: `little at stake for a share of ${next.share}: ${points(reward)}` };
}
