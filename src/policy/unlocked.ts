import type { Allocation, Audience, PolicyConfig } from '../domain/index.ts';
import { assetTreatments } from './asset-treatments.ts';
import { audienceParts, pointsOf } from './audience-value.ts';
import type { ResolvableRendition } from './resolve-arm.ts';

type Policy = { config: PolicyConfig; allocation: Allocation };
type Held = { renditions: readonly ResolvableRendition[]; complexityScale: number; sourceHeight: number | null };

/** What more renditions of an asset would change for its audience. */
export type Unlocked = {
  /** Share of its views, 0..1, whose arm could be given only then. */
  share: number;
  /** Points a view by which the best ladder that surely is better than the baseline gets better. */
  points: number;
};

/** What back-filling these renditions would change. */
export function unlockedBy(
  policy: Policy,
  audience: Audience,
  asset: Held,
  more: readonly ResolvableRendition[],
): Unlocked {
  const eligibleWith = (renditions: readonly ResolvableRendition[]) =>
    assetTreatments(policy.config, { ...asset, renditions }).eligible;
  const now = eligibleWith(asset.renditions);
  const then = eligibleWith([...asset.renditions, ...more]);
  const had = new Set(now.map(({ arm }) => arm));
  const has = new Set(then.map(({ arm }) => arm));
  return audienceParts(policy, audience).reduce<Unlocked>(
    (sum, part) => {
      const best = (treatments: typeof now): number =>
        Math.max(0, ...treatments.map((treatment) => pointsOf(part, treatment)));
      const unlocked = [...part.arms.values()].filter(({ arm }) => has.has(arm) && !had.has(arm));
      return {
        share: sum.share + part.share * unlocked.reduce((weights, { weight }) => weights + weight, 0),
        points: sum.points + part.share * Math.max(0, best(then) - best(now)),
      };
    },
    { share: 0, points: 0 },
  );
}

/** Of missing rungs, dearest first, those without which less would be unlocked: none that only cost. */
export function neededRungs<Rung extends { bitrateKbps: number }>(
  missing: readonly Rung[],
  unlockedWith: (rungs: readonly Rung[]) => Unlocked,
): Rung[] {
  const all = unlockedWith(missing);
  const isAsGood = ({ share, points }: Unlocked): boolean => share >= all.share - 1e-9 && points >= all.points - 1e-9;
  let kept = [...missing];
  for (const rung of [...missing].sort((left, right) => right.bitrateKbps - left.bitrateKbps)) {
    const without = kept.filter((other) => other !== rung);
    if (isAsGood(unlockedWith(without))) kept = without;
  }
  return kept;
}
