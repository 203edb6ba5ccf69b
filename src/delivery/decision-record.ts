import type { AssetDocument, Clock, Decision, DecisionRecord, Device, OfferedRung, Quality } from '../domain/index.ts';

/** A decision with what its view is offered now. */
type Offer = { decision: Decision; asset: AssetDocument; offered: OfferedRung[] };

/** What a record says of its asset. */
type AssetFacts = Omit<DecisionRecord, keyof Decision | 'block'>;

/** What is logged of a decision. A view that goes on with other renditions, of a newer revision or another codec, is logged again. */
export function recordOf({ decision, asset, offered }: Offer, block: string, clock: Clock): DecisionRecord {
  const record = joined(decision, factsOf(asset, decision.context.device), block);
  if (offered === decision.rungs) return record;
  return { ...record, revision: asset.revision, rungs: offered, decidedAt: new Date(clock.nowMs()).toISOString() };
}

// Field by field, since this is done for every view: a spread with more fields behind it takes a hundred times as long.
function joined(decision: Decision, facts: AssetFacts, block: string): DecisionRecord {
  const record: DecisionRecord = {
    viewId: decision.viewId,
    sessionId: decision.sessionId,
    assetId: decision.assetId,
    generation: decision.generation,
    decidedAt: decision.decidedAt,
    configVersion: decision.configVersion,
    allocationVersion: decision.allocationVersion,
    revision: decision.revision,
    context: decision.context,
    fallbackLevel: decision.fallbackLevel,
    arm: decision.arm,
    setHash: decision.setHash,
    propensity: decision.propensity,
    eligible: decision.eligible,
    reason: decision.reason,
    rungs: decision.rungs,
    covariates: decision.covariates,
    owner: facts.owner,
    block,
    liftPanel: facts.liftPanel,
    holdout: facts.holdout,
    complexityScale: facts.complexityScale,
    renditions: facts.renditions,
  };
  if (decision.decodes) record.decodes = decision.decodes;
  if (decision.codec) record.codec = decision.codec;
  if (decision.rollout) record.rollout = decision.rollout;
  return record;
}

function factsOf(asset: AssetDocument, device: Device): AssetFacts {
  return {
    owner: asset.owner,
    liftPanel: asset.plan?.liftPanel ?? false,
    holdout: asset.plan?.holdout ?? false,
    complexityScale: asset.complexityScale,
    renditions: asset.renditions.map(({ id, bitrateKbps, quality, qualityMeasured }) => ({
      id,
      bitrateKbps,
      quality: qualityMeasured ? seenQuality(quality, device) : null,
    })),
  };
}

/** An unknown device is taken for a desktop: the strictest screen that is common. */
function seenQuality(quality: Quality, device: Device): number {
  return quality[device === 'unknown' ? 'desktop' : device];
}
