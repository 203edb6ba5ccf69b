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
  EligibleArm,
  FallbackLevel,
  OfferedRung,
  Rollout,
} from '../domain/index.ts';
import { recordOf } from './decision-record.ts';
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
    const { pairs, places } = distinctPairs(requests, assets);
    const decisions = await decideAll(ports, keys, pairs, assets, options.peek === true);
    const results = requests.map((request, index) => {
      const place = places[index];
      const decision = typeof place === 'number' ? decisions[place] : undefined;
      return resultOf(ports, request, assets.get(request.assetId), decision);
    });
    if (options.peek) return { kind: 'decided', results };

    const records: DecisionRecord[] = [];
    const revisions: string[] = [];
    for (const [index, result] of results.entries()) {
      if (result.kind !== 'decided') continue;
      const revision = revisionKey(result);
      // Asked for by `get`, so that what is still played is not forgotten first.
      if (logged.get(revision)) continue;
      records.push(recordOf(result, requests[index]?.block ?? '', ports.clock));
      revisions.push(revision);
    }
    const stored = await ports.log(records);
    if (stored.kind === 'full') return stored;
    for (const revision of revisions) logged.set(revision, true);
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

/**
 * The pairs of a batch that can be played, each by its first request, which is the one that decides; and for every request which of
 * them it is of, null where it cannot be played.
 */
function distinctPairs(
  requests: readonly ViewRequest[],
  assets: ReadonlyMap<string, AssetDocument | null>,
): { pairs: ViewRequest[]; places: (number | null)[] } {
  const pairs: ViewRequest[] = [];
  const known = new Map<string, number>();
  const places = requests.map((request) => {
    if (!isPlayable(assets.get(request.assetId))) return null;
    const key = pairKey(request);
    const place = known.get(key) ?? pairs.push(request) - 1;
    known.set(key, place);
    return place;
  });
  return { pairs, places };
}

/** One decision per pair, in order. */
async function decideAll(
  ports: DecidePorts,
  keys: ViewKeys,
  pairs: readonly ViewRequest[],
  assets: ReadonlyMap<string, AssetDocument | null>,
  peek: boolean,
): Promise<Decision[]> {
  const standing = await ports.standing.find(pairs);
  const decidedAt = new Date(ports.clock.nowMs()).toISOString();
  const fresh: Decision[] = [];
  const decisions = pairs.map((request, place) => {
    const known = standing[place];
    if (known?.kind === 'stands') return known.decision;
    const asset = assets.get(request.assetId) as AssetDocument;
    const decision = decideNew(ports, keys, request, asset, known?.generation ?? 0, decidedAt);
    fresh.push(decision);
    return decision;
  });
  if (peek || fresh.length === 0) return decisions;
  const claimed = (await ports.standing.claim(fresh)).values();
  return decisions.map((decision, place) =>
    standing[place]?.kind === 'stands' ? decision : (claimed.next().value ?? decision),
  );
}

function decideNew(
  ports: DecidePorts,
  keys: ViewKeys,
  request: ViewRequest,
  asset: AssetDocument,
  generation: number,
  decidedAt: string,
): Decision {
  const { sessionId, assetId, context, covariates, decodes = [] } = request;
  const choice = ports.choose({
    context,
    asset,
    uniform: drawOf(keys, sessionId, assetId, generation),
    // Not an arrow: tsx names each of those anew as it is made.
    rolloutDraw() {
      return rolloutDrawOf(keys, sessionId, assetId, generation);
    },
    decodes,
    // Where nothing was said there is nothing to draw.
    codecUniform: decodes.length === 0 ? 0 : codecDrawOf(keys, sessionId, assetId, generation),
  });
  // Field by field, as in a record: this is done for every view.
  const decision: Decision = {
    viewId: viewIdOf(keys, sessionId, assetId, generation),
    sessionId,
    assetId,
    generation,
    decidedAt,
    configVersion: choice.configVersion,
    allocationVersion: choice.allocationVersion,
    revision: asset.revision,
    context,
    fallbackLevel: choice.fallbackLevel,
    arm: choice.arm,
    setHash: choice.setHash,
    propensity: choice.propensity,
    eligible: choice.eligible,
    reason: choice.reason,
    rungs: choice.rungs,
    covariates,
  };
  if (decodes.length > 0) decision.decodes = [...decodes];
  if (choice.codec) decision.codec = choice.codec;
  if (choice.rollout) decision.rollout = choice.rollout;
  return decision;
}

function resultOf(
  ports: DecidePorts,
  request: ViewRequest,
  asset: AssetDocument | null | undefined,
  decision: Decision | undefined,
): DecideResult {
  if (!asset) return { kind: 'unknown-asset' };
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
