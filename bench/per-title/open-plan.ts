import type { LadderRung } from '../../src/domain/arm.ts';
import type { EncodePlan } from '../../src/domain/asset.ts';

/** A plan with these rungs, for an audience nobody knows. */
export const openPlan = (rungs: LadderRung[]): EncodePlan => ({
  configVersion: 1,
  allocationVersion: 1,
  holdout: false,
  liftPanel: false,
  reason: 'benchmark',
  audience: { level: 'cold', views: 0, shares: [{ region: 'ZZ', device: 'unknown', connection: 'unknown', share: 1 }] },
  rungs,
});
