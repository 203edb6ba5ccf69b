import { LRUCache } from 'lru-cache';
import type {
  AssetDocument,
  Clock,
  Codec,
  CodecChoice,
  Context,
  Decision,
  DecisionReason,
  DecisionRecord,
  Device,
  EligibleArm,
  FallbackLevel,
  OfferedRung,
  Quality,
  Rollout,
} from '../domain/index.ts';
import type { StandingDecisions } from './standing-decisions.ts';
import { codecDrawOf, drawOf, rolloutDrawOf, type ViewKeys, viewIdOf } from './view-identity.ts';

/** What the policy answers for one view of one asset. */
export type Choice = {
  configVersion: number;
  allocationVersion: number;
  fallbackLevel: FallbackLevel;
  arm: string;
  setHash: string;
  /** Of the treatment: the sum over arms with the same set. */
  propensity: number;
  eligible: EligibleArm[];
  reason: DecisionReason;
  /** By rising bitrate. */
  rungs: OfferedRung[];
  /** Left out where H.264 was all there was to offer. */
  codec?: CodecChoice;
  /** Left out while no config is on trial. */
  rollout?: Rollout;
};

export type DecidePorts = {
  asset(assetId: string): Promise<AssetDocument | null>;
  /**
   * Draws an arm for `uniform` in [0, 1), by `codecUniform` a codec out of those that the player decodes, and by `rolloutDraw`, which
   * is made when it is asked for, the config that decides while one is on trial.
   */
  choose(input: {
    context: Context;
    asset: AssetDocument;
    uniform: number;
    rolloutDraw(): number;
    decodes: readonly Codec[];
    codecUniform: number;
  }): Choice;
  /** What an arm that was given earlier resolves to now, in this codec where it is there in it. */
  resolve(input: { arm: string; asset: AssetDocument; codec: Codec; decodes: readonly Codec[] }): OfferedRung[];
  standing: Pick<StandingDecisions, 'find' | 'claim'>;
  /** Resolves once the records are on disk. */
  log(records: readonly DecisionRecord[]): Promise<{ kind: 'stored' } | { kind: 'full'; retryAfterSeconds: number }>;
  clock: Clock;
};

export type ViewRequest = {
  sessionId: string;
  assetId: string;
  context: Context;
  covariates: { throughputKbps?: number | undefined };
  /** Keyed hash of the viewer's address block; left out where a server asks. */
  block?: string;
  /** What the player has said that it decodes beside H.264. */
  decodes?: readonly Codec[];
};

/** A decision with what the view may play now: `rungs` follow the asset's newest revision, the arm never changes. */
export type DecidedView = { kind: 'decided'; decision: Decision; asset: AssetDocument; offered: OfferedRung[] };
export type DecideResult = DecidedView | { kind: 'unknown-asset' } | { kind: 'not-playable'; asset: AssetDocument };
export type DecideBatch = { kind: 'decided'; results: DecideResult[] } | { kind: 'full'; retryAfterSeconds: number };

const LOGGED_REVISIONS = 100_000;

/** Decides which arm views get: idempotent per (session, asset) for 24 h, durable on disk before it is answered. */
export function createDecider(ports: DecidePorts, keys: ViewKeys) {
  const logged = new LRUCache<string, true>({ max: LOGGED_REVISIONS });

  return async function decideViews(
    requests: readonly ViewRequest[],
    options: { peek?: boolean } = {},
  ): Promise<DecideBatch> {
    const assets = await readAssets(ports, requests);
    const playable = requests.filter((request) => isPlayable(assets.get(request.assetId)));
    const decisions = await decideAll(ports, keys, playable, assets, options.peek === true);
    const results = requests.map((request) => resultOf(ports, request, assets, decisions));
    if (options.peek) return { kind: 'decided', results };

    const records = results.flatMap((result, index) =>
      result.kind === 'decided' && !logged.has(revisionKey(result))
        ? [recordOf(result, requests[index]?.block ?? '', ports.clock)]
        : [],
    );
    const stored = await ports.log(records);
    if (stored.kind === 'full') return stored;
    for (const result of results) if (result.kind === 'decided') logged.set(revisionKey(result), true);
    return { kind: 'decided', results };
  };
}

/** A playable asset has at least one rendition and has not failed. */
export function isPlayable(asset: AssetDocument | null | undefined): asset is AssetDocument {
  return asset != null && asset.state !== 'failed' && asset.availability !== 'none' && asset.renditions.length > 0;
}

const pairKey = ({ sessionId, assetId }: { sessionId: string; assetId: string }): string => `${sessionId}\n${assetId}`;
const revisionKey = ({ decision, asset }: DecidedView): string =>
  `${decision.viewId} ${asset.revision} ${decision.decodes?.join() ?? ''}`;

async function readAssets(
  ports: DecidePorts,
  requests: readonly ViewRequest[],
): Promise<Map<string, AssetDocument | null>> {
  const ids = [...new Set(requests.map((request) => request.assetId))];
  const documents = await Promise.all(ids.map((id) => ports.asset(id)));
  return new Map(ids.map((id, index) => [id, documents[index] ?? null]));
}

async function decideAll(
  ports: DecidePorts,
  keys: ViewKeys,
  requests: readonly ViewRequest[],
  assets: ReadonlyMap<string, AssetDocument | null>,
  peek: boolean,
): Promise<Map<string, Decision>> {
  // Of one pair's requests in a batch the first is the one that decides.
  const distinct = [...new Map(requests.toReversed().map((request) => [pairKey(request), request])).values()];
  const standing = await ports.standing.find(distinct);
  const decided = new Map<string, Decision>();
  const fresh: Decision[] = [];
  const decidedAt = new Date(ports.clock.nowMs()).toISOString();
  for (const [index, request] of distinct.entries()) {
    const known = standing[index];
    const asset = assets.get(request.assetId);
    if (known?.kind === 'stands') decided.set(pairKey(request), known.decision);
    else if (asset) fresh.push({ ...decideNew(ports, keys, request, asset, known?.generation ?? 0), decidedAt });
  }
  const claimed = peek || fresh.length === 0 ? fresh : await ports.standing.claim(fresh);
  for (const decision of claimed) decided.set(pairKey(decision), decision);
  return decided;
}

function decideNew(
  ports: DecidePorts,
  keys: ViewKeys,
  request: ViewRequest,
  asset: AssetDocument,
  generation: number,
): Omit<Decision, 'decidedAt'> {
  const { sessionId, assetId, context, covariates, decodes = [] } = request;
  const choice = ports.choose({
    context,
    asset,
    uniform: drawOf(keys, sessionId, assetId, generation),
    rolloutDraw: () => rolloutDrawOf(keys, sessionId, assetId, generation),
    decodes,
    // Where nothing was said there is nothing to draw.
    codecUniform: decodes.length === 0 ? 0 : codecDrawOf(keys, sessionId, assetId, generation),
  });
  return {
    ...choice,
    viewId: viewIdOf(keys, sessionId, assetId, generation),
    sessionId,
    assetId,
    generation,
    revision: asset.revision,
    context,
    covariates,
    ...(decodes.length === 0 ? {} : { decodes: [...decodes] }),
  };
}

function resultOf(
  ports: DecidePorts,
  request: ViewRequest,
  assets: ReadonlyMap<string, AssetDocument | null>,
  decisions: ReadonlyMap<string, Decision>,
): DecideResult {
  const asset = assets.get(request.assetId);
  if (!asset) return { kind: 'unknown-asset' };
  const decision = decisions.get(pairKey(request));
  if (decision === undefined) return { kind: 'not-playable', asset };
  const view = asSaid(decision, request);
  const isAsDecided = view === decision && decision.revision === asset.revision;
  const { arm, decodes = [], codec } = view;
  const offered = isAsDecided ? decision.rungs : ports.resolve({ arm, asset, codec: codec?.codec ?? 'h264', decodes });
  return { kind: 'decided', decision: view, asset, offered };
}

/** A view that comes back without saying that it decodes what it was decided for goes on in H.264: it might show nothing. */
function asSaid(decision: Decision, { decodes: said = [] }: ViewRequest): Decision {
  // Every decision comes by here, and hardly any of them says what it decodes.
  if (decision.decodes === undefined || decision.decodes.every((each) => said.includes(each))) return decision;
  const { decodes, codec, ...rest } = decision;
  const kept = decodes.filter((each) => said.includes(each));
  const isKept = codec !== undefined && kept.includes(codec.codec);
  return { ...rest, decodes: kept, ...(isKept ? { codec } : {}) };
}

/** A view that goes on with other renditions, of a newer revision or another codec, is logged again: same view, same arm. */
function recordOf({ decision, asset, offered }: DecidedView, block: string, clock: Clock): DecisionRecord {
  const goesOn = offered !== decision.rungs;
  return {
    ...decision,
    ...(goesOn ? { revision: asset.revision, rungs: offered, decidedAt: new Date(clock.nowMs()).toISOString() } : {}),
    owner: asset.owner,
    block,
    liftPanel: asset.plan?.liftPanel ?? false,
    holdout: asset.plan?.holdout ?? false,
    complexityScale: asset.complexityScale,
    renditions: asset.renditions.map(({ id, bitrateKbps, quality, qualityMeasured }) => ({
      id,
      bitrateKbps,
      quality: qualityMeasured ? seenQuality(quality, decision.context.device) : null,
    })),
  };
}

/** An unknown device is taken for a desktop: the strictest screen that is common. */
function seenQuality(quality: Quality, device: Device): number {
  return quality[device === 'unknown' ? 'desktop' : device];
}
