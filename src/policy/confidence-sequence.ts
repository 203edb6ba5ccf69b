/** A difference of two means as estimated so far. */
export type EstimatedDifference = { difference: number; standardError: number };

/**
 * An interval that covers the true difference at every look at once with probability ≥ 1 − `alpha`, however often one looks and
 * whenever one stops: the normal mixture boundary of Robbins (1970) on the scale of information (1 ÷ standardError²), as in the
 * asymptotic confidence sequences of Waudby-Smith et al. (arXiv 2103.06476). Asymptotic: do not look before some hundred views a
 * side. Tightest, by design, when the standard error has fallen to `tightestAt` (the same unit, > 0).
 */
export function confidenceSequence(
  { difference, standardError }: EstimatedDifference,
  { alpha, tightestAt }: { alpha: number; tightestAt: number },
): { low: number; high: number } {
  if (!(standardError > 0)) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const information = standardError ** -2;
  const mixture = mixtureInformation(tightestAt ** -2, alpha);
  const total = information + mixture;
  const radius = Math.sqrt(total * Math.log(total / (mixture * alpha ** 2))) / information;
  return { low: difference - radius, high: difference + radius };
}

/** The mixture's own information that makes the boundary tightest at `information`, to first order. */
function mixtureInformation(information: number, alpha: number): number {
  const evidence = -2 * Math.log(alpha);
  return information / (evidence + Math.log(evidence + 1));
}
