import { LRUCache } from 'lru-cache';
import type { AssetCatalog } from '../delivery/asset-catalog.ts';
import { createDecider, type DecidePorts, type ViewRequest } from '../delivery/decide-views.ts';
import type { StandingDecisions } from '../delivery/standing-decisions.ts';
import { mintSessionId, type ViewKeys, viewIdOf } from '../delivery/view-identity.ts';
import { signViewToken, verifyViewToken } from '../delivery/view-token.ts';
import {
  type AssetDocument,
  type Clock,
  type Codec,
  type Context,
  type Decision,
  type OfferedRung,
  type PolicyConfig,
  type TelemetryEvent,
  VIEW_TOKEN_LIFE_MS,
} from '../domain/index.ts';
import { type AssetTreatments, assetTreatments, treatmentsInCodec } from '../policy/asset-treatments.ts';
import { chooseArm } from '../policy/choose-arm.ts';
import { chooseCodec } from '../policy/choose-codec.ts';
import { findEntry } from '../policy/index-allocation.ts';
import { assignConfig } from '../policy/promotion/assign-config.ts';
import type { ServingTable } from '../policy/serving-table.ts';
import type { Attribution } from '../telemetry/ingest.ts';

const CACHED_TREATMENTS = 5_000;
const DERIVED_VIEWS = 50_000;

type Ports = {
  catalog: AssetCatalog;
  table: ServingTable;
  standing: StandingDecisions;
  log: DecidePorts['log'];
  keys: ViewKeys;
  /** What may be offered. */
  codecs: readonly Codec[];
  clock: Clock;
};

export type ApiDecision =
  | { kind: 'decided'; decision: Decision; offered: OfferedRung[]; viewToken: string }
  | { kind: 'unknown-asset' }
  | { kind: 'not-playable'; asset: AssetDocument };

/** Decisions and tokens, wired to policy, media and telemetry. */
export function composeDelivery({ catalog, table, standing, log, keys, codecs, clock }: Ports) {
  const treatmentsOf = createTreatments(codecs);
  const decideViews = createDecider(
    {
      asset: (assetId) => catalog.get(assetId),
      choose: ({ context, asset, uniform, rolloutDraw, decodes, codecUniform }) => {
        const served = table.current();
        const { policy, rollout } = assignConfig(served, rolloutDraw);
        const { inH264, inBetter } = treatmentsOf(policy.config, served.statesVersion, asset, decodes);
        const codec = chooseCodec({ decodes, uniform: codecUniform, has: (better) => inBetter.has(better) });
        const choice = chooseArm({
          entry: findEntry(policy, context),
          treatments: (codec && inBetter.get(codec.codec)) ?? inH264,
          uniform,
          pinnedArm: served.pinnedArm(context),
        });
        const { config, allocation } = policy;
        return {
          ...choice,
          configVersion: config.configVersion,
          allocationVersion: allocation.allocationVersion,
          ...(codec ? { codec } : {}),
          ...(rollout ? { rollout } : {}),
        };
      },
      resolve: ({ arm, asset, codec, decodes }) => {
        const { config, statesVersion, trial } = table.current();
        const known = [config, ...(trial ? [trial.candidate.config] : [])].flatMap((each) => {
          const { inH264, inBetter } = treatmentsOf(each, statesVersion, asset, decodes);
          return (inBetter.get(codec) ?? inH264).eligible;
        });
        const of = (wanted: (treatment: (typeof known)[number]) => boolean) => known.find(wanted)?.rungs;
        return of((treatment) => treatment.arm === arm) ?? of((treatment) => treatment.baseline) ?? [];
      },
      standing,
      log,
      clock,
    },
    keys,
  );

  const tokenFor = (decision: Decision, asset: AssetDocument, offered: readonly OfferedRung[]): string =>
    signViewToken(keys, {
      viewId: decision.viewId,
      assetId: decision.assetId,
      revision: asset.revision,
      renditionIds: offered.map((rung) => rung.renditionId),
      arm: decision.arm,
      configVersion: decision.configVersion,
      allocationVersion: decision.allocationVersion,
      decidedAtMs: Date.parse(decision.decidedAt),
      expiresAt: clock.nowMs() + VIEW_TOKEN_LIFE_MS,
    });

  async function decide(requests: readonly ViewRequest[], options: { peek: boolean }) {
    const batch = await decideViews(requests, options);
    if (batch.kind === 'full') return batch;
    const results = batch.results.map((result): ApiDecision => {
      if (result.kind !== 'decided') return result;
      const { decision, asset, offered } = result;
      return { kind: 'decided', decision, offered, viewToken: tokenFor(decision, asset, offered) };
    });
    return { kind: 'decided' as const, results };
  }

  const derive = rememberViewIds(keys);

  return {
    decide,
    /** One view at its manifest's redirect; a session is minted where the player brought none. */
    async decideView(
      {
        sessionId,
        ...viewer
      }: { sessionId: string | null; assetId: string; context: Context; block: string; decodes: readonly Codec[] },
      options: { peek: boolean },
    ) {
      const request = { sessionId: sessionId ?? mintSessionId(), ...viewer, covariates: {} };
      const batch = await decide([request], options);
      if (batch.kind === 'full') return batch;
      const [result] = batch.results;
      if (result?.kind !== 'decided') return result ?? { kind: 'unknown-asset' as const };
      return { kind: 'decided' as const, decision: result.decision, token: result.viewToken };
    },
    verifyToken: (text: string) => verifyViewToken(keys, text, clock.nowMs()),
    /** Telemetry with a token is of that view; without one, of the view its session and asset derive. */
    attribute(event: TelemetryEvent): Attribution {
      if (event.viewToken === undefined) {
        const decision = standing.remembered(event);
        const viewId = derive(event, decision?.generation ?? 0);
        return { kind: 'view', viewId, decidedAtMs: decision === undefined ? null : Date.parse(decision.decidedAt) };
      }
      const check = verifyViewToken(keys, event.viewToken, clock.nowMs(), { ignoreExpiry: true });
      if (check.kind === 'invalid') return { kind: 'bad-token', reason: check.reason };
      if (check.token.assetId !== event.assetId) return { kind: 'bad-token', reason: 'a token of another asset' };
      return { kind: 'view', viewId: check.token.viewId, decidedAtMs: check.token.decidedAtMs };
    },
  };
}

export type Delivery = ReturnType<typeof composeDelivery>;

/** Views report many times: their ids are derived once and kept. */
function rememberViewIds(keys: ViewKeys): (of: { sessionId: string; assetId: string }, generation: number) => string {
  const derived = new LRUCache<string, string>({ max: DERIVED_VIEWS });
  return ({ sessionId, assetId }, generation) => {
    const key = `${sessionId}\n${assetId}\n${generation}`;
    const known = derived.get(key);
    if (known !== undefined) return known;
    const viewId = viewIdOf(keys, sessionId, assetId, generation);
    derived.set(key, viewId);
    return viewId;
  };
}

/** What each arm resolves to; in better codecs than H.264 where the asset has all of it in them. */
type OfferedTreatments = { inH264: AssetTreatments; inBetter: ReadonlyMap<Codec, AssetTreatments> };

/** The treatments of an asset, worked out once per (asset, revision, config, what the player decodes). */
function createTreatments(codecs: readonly Codec[]) {
  const cache = new LRUCache<string, OfferedTreatments>({ max: CACHED_TREATMENTS });
  return (
    config: PolicyConfig,
    statesVersion: number,
    asset: AssetDocument,
    decodes: readonly Codec[],
  ): OfferedTreatments => {
    const { renditions, complexityScale, source } = asset;
    const said = [...decodes].sort().join();
    const key = [asset.id, asset.revision, asset.createdAt, config.configVersion, statesVersion, said].join(' ');
    const known = cache.get(key);
    if (known !== undefined) return known;
    const sourceHeight = source === null ? null : Math.min(source.width, source.height);
    const inH264 = assetTreatments(config, { renditions, complexityScale, sourceHeight }, decodes);
    const inBetter = new Map<Codec, AssetTreatments>();
    for (const codec of decodes.filter((each) => codecs.includes(each))) {
      const treatments = treatmentsInCodec(inH264, renditions, codec);
      if (treatments) inBetter.set(codec, treatments);
    }
    const offered = { inH264, inBetter };
    cache.set(key, offered);
    return offered;
  };
}
