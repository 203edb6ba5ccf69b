import { contextName, PLACES, POPULATIONS } from './audience.ts';
import type { DemoClient } from './demo-client.ts';
import {
  armsReplySchema,
  type DecidedReply,
  decisionsReplySchema,
  explainReplySchema,
  type PolicyReply,
  policyReplySchema,
} from './replies.ts';
import type { LadderReport, Offer, PolicyVersions } from './report.ts';

/** The policy at a moment, and what it offers each context, by `contextName`. */
export type Offers = { versions: PolicyVersions; byContext: ReadonlyMap<string, Offer> };

/** What each context would be given now on its own region's clip; peeking logs nothing and decides nothing. */
export async function peekOffers(api: DemoClient, assetIds: { slow: string; fast: string }): Promise<Offers> {
  const policy = await readPolicy(api);
  const sessions = POPULATIONS.map(({ context }) => ({
    sessionId: `peek-${context.region}-${context.device}`,
    assetId: context.region === PLACES.slow.region ? assetIds.slow : assetIds.fast,
    ...context,
  }));
  const { decisions } = await api.postJson('/v1/decisions', { peek: true, sessions }, decisionsReplySchema);
  const byContext = new Map<string, Offer>();
  for (const [index, { context }] of POPULATIONS.entries()) {
    const decision = decisions[index];
    if (!decision || 'error' in decision) throw new RangeError(`no offer for ${contextName(context)}`);
    const { summary } = await api.getJson(`/v1/policy/explain?${new URLSearchParams(context)}`, explainReplySchema);
    byContext.set(contextName(context), describeOffer(decision, summary));
  }
  const { configVersion, allocationVersion } = policy;
  return { versions: { configVersion, allocationVersion }, byContext };
}

/** The policy as everyone may read it. */
export async function readPolicy(api: DemoClient): Promise<PolicyReply> {
  return api.getJson('/v1/policy', policyReplySchema);
}

/** Every ladder family with its nominal range, and which one is the baseline. */
export async function readLadders(api: DemoClient): Promise<{ ladders: LadderReport[]; baselineArm: string }> {
  const { arms } = await api.getJson('/v1/policy/arms', armsReplySchema);
  const baseline = arms.find((arm) => arm.baseline);
  if (!baseline) throw new RangeError('no arm is the baseline');
  const ladders = arms.map(({ id, features: { floorKbps, topKbps, rungCount } }) => ({
    arm: id,
    floorKbps,
    topKbps,
    rungCount,
  }));
  return { ladders, baselineArm: baseline.id };
}

function describeOffer({ fallbackLevel, eligible }: DecidedReply, why: string): Offer {
  const arms = eligible.map(({ arm, propensity }) => ({ arm, share: propensity }));
  return { fallbackLevel, arms: arms.sort((a, b) => b.share - a.share), why };
}
