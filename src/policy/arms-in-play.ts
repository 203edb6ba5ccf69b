import type { Arm, PolicyConfig } from '../domain/index.ts';

/** An arm, and whether views can be given it now. */
export type KnownArm = Arm & { inPlay: boolean };

const isOffered = (config: Pick<PolicyConfig, 'arms'>, id: string): boolean =>
  config.arms.some((arm) => arm.id === id && (arm.baseline || arm.state === 'active'));

/**
 * The arms of the config in force, and those that only the configs being served (the one fitted last, the one on trial) still or already
 * offer. Exactly one is the baseline: that of the config in force.
 */
export function armsInPlay(
  inForce: Pick<PolicyConfig, 'arms'>,
  served: readonly Pick<PolicyConfig, 'arms'>[],
): KnownArm[] {
  const known = new Map(inForce.arms.map((arm) => [arm.id, arm]));
  for (const arm of served.flatMap(({ arms }) => arms)) {
    if (!known.has(arm.id)) known.set(arm.id, { ...arm, baseline: false });
  }
  return [...known.values()].map((arm) => ({ ...arm, inPlay: served.some((config) => isOffered(config, arm.id)) }));
}
