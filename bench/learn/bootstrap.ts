import { quantile } from 'simple-statistics';
import { seededRng } from '../../src/policy/seeded-rng.ts';

const RESAMPLES = 2000;

/**
 * Ratio of two policies' summed regret with its 95 % interval over trace files, drawn with replacement. The files stand for the
 * lines that could have been met; the oracle stays what it is.
 */
export function bootstrapRatio(ours: Float64Array, theirs: Float64Array): { ratio: number; low: number; high: number } {
  const rng = seededRng(11, 'files');
  const ratioOf = (files: Iterable<number>): number => {
    let [left, right] = [0, 0];
    for (const file of files) {
      left += ours[file] ?? 0;
      right += theirs[file] ?? 0;
    }
    return left / right;
  };
  const ratios = Array.from({ length: RESAMPLES }, () =>
    ratioOf(Array.from(ours, () => Math.floor(rng() * ours.length))),
  );
  return { ratio: ratioOf(ours.keys()), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}
