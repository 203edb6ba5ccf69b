import { type AudienceError, audienceErrors, type PredictedAndCame } from './audience-error.ts';
import { type ClusterSums, clusteredEffect, type Effect } from './clustered-effect.ts';

/** Which figures an effect is told in. */
export const EFFECT_METRICS = ['reward', 'stallRatio', 'seenQuality', 'bitrateKbps'] as const;
export type EffectMetric = (typeof EFFECT_METRICS)[number];

/** Sums of one asset's views on one side of a trial, per metric. */
export type TrialUnit = Omit<ClusterSums, 'numerator' | 'denominator'> & {
  sums: Record<EffectMetric, readonly [numerator: number, denominator: number]>;
};

/** Assets planned, by the group that chance put them into. */
export type EncodeGroupCount = { group: string; cold: boolean; assets: number; rungs: number };

export type EffectsReport = {
  from: string;
  to: string;
  /** Learned plans − held-out plans: what encoding by what was learned does, randomised by asset. */
  encoding: { effects: Record<EffectMetric, Effect>; groups: EncodeGroupCount[] };
  /** Other ladders − the baseline's on panel assets: what offering by what was learned does, randomised by view. */
  playTime: { effects: Record<EffectMetric, Effect> };
  /** How far the audience that came was from the predicted one. */
  audience: AudienceError[];
  /** The same in sentences for an operator. */
  summary: string[];
};

/** Both causal effects, apart, and how good the prediction was that encodes were planned by. */
export function effectsReport(input: {
  from: Date;
  to: Date;
  encodeTrial: readonly TrialUnit[];
  playTrial: readonly TrialUnit[];
  groups: readonly EncodeGroupCount[];
  came: readonly PredictedAndCame[];
}): EffectsReport {
  const encoding = effectsOf(input.encodeTrial);
  const playTime = effectsOf(input.playTrial);
  const audience = audienceErrors(input.came);
  return {
    from: input.from.toISOString(),
    to: input.to.toISOString(),
    encoding: { effects: encoding, groups: [...input.groups] },
    playTime: { effects: playTime },
    audience,
    summary: [
      effectInWords('Encoding by what was learned', encoding.reward, 'held-out assets'),
      effectInWords('Offering by what was learned', playTime.reward, 'views held on the baseline'),
      audienceInWords(audience[0]),
    ],
  };
}

function effectsOf(units: readonly TrialUnit[]): Record<EffectMetric, Effect> {
  return Object.fromEntries(
    EFFECT_METRICS.map((name) => [
      name,
      clusteredEffect(
        units.map(({ sums, ...unit }) => ({ ...unit, numerator: sums[name][0], denominator: sums[name][1] })),
      ),
    ]),
  ) as Record<EffectMetric, Effect>;
}

const signed = (points: number): string => `${points >= 0 ? '+' : '−'}${Math.abs(points).toFixed(2)}`;

function effectInWords(what: string, { value, ci95, treated, held, clusteredBy }: Effect, against: string): string {
  if (value === null) return `${what}: nothing to compare yet, ${treated.n} views against ${held.n} of ${against}.`;
  const over = `${treated.n} views of ${treated.assets} assets against ${held.n} of ${held.assets} (${against})`;
  if (ci95 === null) return `${what}: ${signed(value)} points, over too few assets to say how sure that is: ${over}.`;
  const sure = ci95[0] > 0 ? 'better' : ci95[1] < 0 ? 'worse' : 'not decided';
  return `${what}: ${signed(value)} points a view, 95 % from ${signed(ci95[0])} to ${signed(ci95[1])} by ${clusteredBy}s, ${sure}; ${over}.`;
}

function audienceInWords(all: AudienceError | undefined): string {
  const { value, n } = all?.error ?? { value: null, n: 0 };
  if (value === null || all?.chance === null) return 'Predicted audiences: no asset has enough views yet.';
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  return `Predicted audiences: ${percent(value)} of views came from elsewhere than expected, over ${n} assets; chance alone would make it ${percent(all?.chance ?? 0)}.`;
}
