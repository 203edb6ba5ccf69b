import type { Allocation, Audience, PolicyConfig } from '../domain/index.ts';
import { assetTreatments } from './asset-treatments.ts';
import { audienceParts } from './audience-value.ts';
import type { ResolvableRendition } from './resolve-arm.ts';

/** Share of an audience's views, 0..1, whose arm could be given only with `more` renditions: what back-filling them would change. */
export function unlockedShare(
  policy: { config: PolicyConfig; allocation: Allocation },
  audience: Audience,
  asset: { renditions: readonly ResolvableRendition[]; complexityScale: number; sourceHeight: number | null },
  more: readonly ResolvableRendition[],
): number {
  const eligibleWith = (renditions: readonly ResolvableRendition[]): ReadonlySet<string> =>
    new Set(assetTreatments(policy.config, { ...asset, renditions }).eligible.map(({ arm }) => arm));
  const now = eligibleWith(asset.renditions);
  const then = eligibleWith([...asset.renditions, ...more]);
  return audienceParts(policy, audience).reduce((sum, { share, arms }) => {
    const unlocked = [...arms.values()].filter(({ arm }) => then.has(arm) && !now.has(arm));
    return sum + share * unlocked.reduce((weights, { weight }) => weights + weight, 0);
  }, 0);
}
