/** One view that was decided at random, seen with the eyes of another policy. */
export type LoggedView = {
  reward: number;
  /** Probability that the view got its treatment, when it was decided; > 0. */
  propensity: number;
  /** Probability that the other policy would have given that treatment. */
  target: number;
  /** A model's reward of the treatment that was given. */
  predicted: number;
  /** A model's mean reward over the treatments that the other policy would have given. */
  targetPredicted: number;
};

export type Estimate = { value: number; standardError: number };

/** What the other policy would have earned per view, by four estimators, from steady to daring (see `estimateOffPolicy`). */
export type OffPolicyEstimates = {
  views: number;
  /** (Σw)² ÷ Σw²: views that would be as good a witness had the other policy decided them itself. */
  effectiveViews: number;
  largestWeight: number;
  ips: Estimate;
  snips: Estimate;
  dr: Estimate;
  dros: Estimate;
  /** As it was decided: the plain mean. */
  logged: Estimate;
  /** `dros` minus `logged`, paired by view: what they share is no noise. */
  gain: Estimate;
};

/**
 * Off-policy evaluation with w = target ÷ propensity: IPS mean(w r); SNIPS Σwr ÷ Σw; DR mean(q̂(π) + w (r − q̂)); DRos the same
 * with w shrunk to λw ÷ (w² + λ) (Su et al., arXiv 1907.09623): λ → ∞ is DR, 0 trusts the model alone. Empty without views;
 * throws RangeError for a propensity that is not in (0, 1].
 */
export function estimateOffPolicy(views: readonly LoggedView[], lambda: number): OffPolicyEstimates | null {
  if (views.length === 0) return null;
  const weights = views.map(({ propensity, target }) => {
    if (!(propensity > 0 && propensity <= 1)) throw new RangeError(`propensity: expected (0, 1] (got ${propensity})`);
    return target / propensity;
  });
  const weightOf = (index: number): number => weights[index] ?? 0;
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const squares = weights.reduce((total, weight) => total + weight ** 2, 0);
  const snips = sum > 0 ? views.reduce((total, { reward }, index) => total + weightOf(index) * reward, 0) / sum : 0;
  const corrected = (weight: number, { reward, predicted, targetPredicted }: LoggedView): number =>
    targetPredicted + weight * (reward - predicted);
  const shrunk = (weight: number): number => (lambda * weight) / (weight ** 2 + lambda);
  const dros = views.map((view, index) => corrected(shrunk(weightOf(index)), view));
  return {
    views: views.length,
    effectiveViews: squares > 0 ? sum ** 2 / squares : 0,
    largestWeight: weights.reduce((most, weight) => Math.max(most, weight), 0),
    ips: meanOf(views.map(({ reward }, index) => weightOf(index) * reward)),
    // Linearised: a ratio's error is that of its residuals, against the mean weight.
    snips: {
      value: snips,
      standardError:
        sum > 0
          ? meanOf(views.map(({ reward }, index) => weightOf(index) * (reward - snips))).standardError /
            (sum / views.length)
          : Number.POSITIVE_INFINITY,
    },
    dr: meanOf(views.map((view, index) => corrected(weightOf(index), view))),
    dros: meanOf(dros),
    logged: meanOf(views.map(({ reward }) => reward)),
    gain: meanOf(views.map(({ reward }, index) => (dros[index] ?? 0) - reward)),
  };
}

function meanOf(values: readonly number[]): Estimate {
  const count = values.length;
  const value = values.reduce((sum, each) => sum + each, 0) / count;
  const spread = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return { value, standardError: count > 1 ? Math.sqrt(spread / (count - 1) / count) : Number.POSITIVE_INFINITY };
}
