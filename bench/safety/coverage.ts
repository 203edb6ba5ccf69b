import { confidenceSequence } from '../../src/policy/confidence-sequence.ts';
import { uniforms } from '../../test/policy/policy-fixtures.ts';
import type { BenchResult } from '../report.ts';
import { binomialError, normals } from './chance.ts';

/** A view's reward varies this much, as on real traces; what is asked is whether two equal things are told apart. */
const NOISE_POINTS = 15;
const ALPHA = 0.05;
const LOOKS = 40;
const VIEWS_PER_LOOK = 100;
/** Where the interval is to be tightest: two arms at half of all looks. */
const TIGHTEST_AT = NOISE_POINTS * Math.sqrt(2 / ((LOOKS * VIEWS_PER_LOOK) / 2));

/** Share of runs in which the interval held the truth at every look; beside it, the ordinary interval looked at as often. */
export function coverage(runs: number): BenchResult {
  let [held, ordinaryHeld] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const normal = normals(uniforms(run + 1));
    const sums = [moments(), moments()] as const;
    let [holds, ordinaryHolds] = [true, true];
    for (let look = 0; look < LOOKS; look += 1) {
      for (const side of sums) for (let n = 0; n < VIEWS_PER_LOOK; n += 1) side.add(NOISE_POINTS * normal());
      const estimate = {
        difference: sums[1].mean() - sums[0].mean(),
        standardError: Math.sqrt(sums[0].errorVariance() + sums[1].errorVariance()),
      };
      const { low, high } = confidenceSequence(estimate, { alpha: ALPHA, tightestAt: TIGHTEST_AT });
      holds &&= low <= 0 && high >= 0;
      ordinaryHolds &&= Math.abs(estimate.difference) <= 1.96 * estimate.standardError;
    }
    held += Number(holds);
    ordinaryHeld += Number(ordinaryHolds);
  }
  return {
    metric: `confidence sequence covers at every one of ${LOOKS} looks, ${runs} runs`,
    value: held / runs,
    unit: 'share',
    spread: binomialError(held, runs),
    peer: 'ordinary 95 % interval, looked at as often',
    peerValue: ordinaryHeld / runs,
    ratio: held / Math.max(1, ordinaryHeld),
    target: '≥ 0.95',
    met: held / runs >= 1 - ALPHA,
  };
}

function moments() {
  let [count, mean, squares] = [0, 0, 0];
  return {
    add(value: number): void {
      count += 1;
      const before = value - mean;
      mean += before / count;
      squares += before * (value - mean);
    },
    mean: () => mean,
    errorVariance: () => squares / (count - 1) / count,
  };
}
