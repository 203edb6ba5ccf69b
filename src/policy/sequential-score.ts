import { confidenceSequence } from './confidence-sequence.ts';

/** What a sum of surprises says: an effect (log odds), and where it surely lies, at every look at once. */
export type ScoreVerdict = { effect: number; low: number; high: number; differs: boolean };

/** The bound is tightest where an effect of about a third in log odds shows; smaller ones show later. */
const TIGHTEST_AT = 0.1;
/** Before that much variance has gathered a sum of zeros and ones is not normal enough for any bound. */
const LEAST_VARIANCE = 10;

/**
 * A score test that may be looked at after every view: `surprise` is the sum of (what was seen − its probability), `variance` the sum
 * of their variances, both over everything since the beginning. Surprise ÷ variance is the log odds ratio, to first order.
 */
export function judgeScore(
  { surprise, variance }: { surprise: number; variance: number },
  alpha: number,
): ScoreVerdict {
  if (!(variance >= LEAST_VARIANCE)) {
    return { effect: 0, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, differs: false };
  }
  const effect = surprise / variance;
  const bounds = confidenceSequence(
    { difference: effect, standardError: variance ** -0.5 },
    { alpha, tightestAt: TIGHTEST_AT },
  );
  return { effect, ...bounds, differs: bounds.low > 0 || bounds.high < 0 };
}
