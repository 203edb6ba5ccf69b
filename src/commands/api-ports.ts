import type { AppPorts } from '../api/app.ts';
import { identifySender } from '../api/authenticate.ts';
import type { KeyStore, Scope } from '../api/key-store.ts';
import { buildOpenApi } from '../api/openapi.ts';
import type { LearnAnswer, PolicyPorts } from '../api/routes/policy-routes.ts';
import type { PolicyWritePorts } from '../api/routes/policy-write-routes.ts';
import type { PromotionPorts } from '../api/routes/promotion-routes.ts';
import { type Decision, type Device, type RewardWeights, rewardWeightsSchema } from '../domain/index.ts';
import { everyRendition } from '../media/every-rendition.ts';
import { renderMpd } from '../media/package-dash.ts';
import { renderMultivariantPlaylist } from '../media/package-hls.ts';
import { readTimelines } from '../media/read-timelines.ts';
import { armsInPlay } from '../policy/arms-in-play.ts';
import { explain } from '../policy/explain.ts';
import { assessTrial } from '../policy/promotion/conduct-trial.ts';
import { describeTrial } from '../policy/promotion/describe-trial.ts';
import { suggestArms } from '../policy/proposer/suggest-arms.ts';
import { PolicyMissingError } from '../policy/registry.ts';
import { whatIf } from '../policy/what-if.ts';
import { readQoe } from '../telemetry/qoe.ts';
import { readRateQuality } from '../telemetry/read-rate-quality.ts';
import { readReportLoss } from '../telemetry/read-report-loss.ts';
import { readViewStatistics } from '../telemetry/read-statistics.ts';
import { readUplinks } from '../telemetry/read-uplinks.ts';
import { within } from '../workers/within.ts';
import { createSignatureCheck } from './access-keys.ts';
import { trialSources } from './compose-policy.ts';
import { composeUploadAdvice } from './compose-upload-advice.ts';
import type { ApiParts } from './open-api-parts.ts';

const SHIP_TIMEOUT_MS = 15_000;
const LEARN_TIMEOUT_MS = 30_000;
const REPORTERS: readonly Scope[] = ['telemetry', 'decide'];
const READY_TIMEOUT_MS = 1_000;

/** The API's parts as its routes ask for them. */
export function apiPorts(parts: ApiParts, keys: KeyStore, browserKey: string | null): AppPorts {
  const { config, clock, edge, catalog, database, metrics, table, telemetry, delivery, assets, store } = parts;
  const checkKey: AppPorts['checkKey'] = (key) => keys.check(key);
  const checkSignature = createSignatureCheck(keys, parts.secret, clock);
  const description = buildOpenApi();
  return {
    ...policyPorts(parts),
    ...decisionPorts(parts),
    checkKey,
    checkSignature,
    edge,
    browserKey,
    trustedProxies: config.trustedProxies,
    onResponse: metrics.httpRequest,
    audit: telemetry.audit,
    deadLetters: telemetry.deadLetters,
    losses: (range) => readReportLoss(database, range),
    eraseTelemetry: parts.eraseTelemetry,
    asset: (assetId) => catalog.get(assetId),
    verifyToken: delivery.verifyToken,
    async renderManifest(asset, renditionIds, format) {
      const { id, audio, availability } = asset;
      const renditions = everyRendition(asset);
      const tiles = asset.previews.tiles ?? null;
      const whole = availability === 'complete' || availability === 'upgraded';
      if (format === 'hls') return renderMultivariantPlaylist({ renditions, audio, renditionIds, whole, tiles });
      const offered = renditionIds.filter((wanted) => renditions.some((rendition) => rendition.id === wanted));
      const timelines = await readTimelines(store, id, [...offered, ...(audio ? [audio.id] : [])]);
      return timelines && renderMpd({ renditions, audio, renditionIds: offered, timelines, tiles });
    },
    async mediaFile(assetId, name) {
      const key = `assets/${assetId}/${name}`;
      const path = store.localPath(key);
      if (path === null) return parts.mediaCache.pathOf(key);
      return (await store.size(key)) === null ? null : path;
    },
    readQoe: (query) => readQoe(database, query, table.current().config.reward),
    nowMs: clock.nowMs,
    effects: parts.effects.effects,
    mintFeedToken: parts.feedTokens.mint,
    assets: { checkKey, ...assets.forAssets },
    uploads: {
      checkKey,
      directory: parts.uploadsDirectory,
      meter: alsoWatched(parts),
      budget: parts.diskBudget,
      pacer: parts.uplink?.pacer ?? null,
      observe: edge.observe,
      ...assets.forUploads,
      createAsset: ({ context, ...described }) =>
        assets.forUploads.createAsset({ ...described, context: { ...context, region: edge.groupOf(context.region) } }),
    },
    uploadAdvice: composeUploadAdvice({
      readUplinks: (where) => readUplinks(database, where),
      groupOf: edge.groupOf,
      meter: parts.uploadMeter,
    }),
    reports: {
      identify: (request, query, body) =>
        identifySender(
          request,
          { queryKey: query.get('key'), body: body ?? '' },
          { checkKey, checkSignature },
          REPORTERS,
        ),
      ingest: telemetry.ingest,
      observe: edge.observe,
      nowMs: clock.nowMs,
      onResponse: metrics.httpRequest,
    },
    health: {
      readiness: () => readiness(parts),
      metrics: () => metrics.render(),
      openApi: () => description,
    },
  };
}

/** Requests that bring bytes are measured, and their uploads looked at: some can be encoded before their end is here. */
function alsoWatched({ uploadMeter, earlyStart, metrics }: ApiParts): AppPorts['uploads']['meter'] {
  return {
    begin(body, upload) {
      uploadMeter.begin(body, upload);
      earlyStart.begin(body, upload.uploadId);
    },
    held(uploadId, heldMs) {
      uploadMeter.held(uploadId, heldMs);
      metrics.uploadHeld(heldMs);
    },
    lostItsPlace: (uploadId) => uploadMeter.lostItsPlace(uploadId),
    measure: (uploadId, size) => uploadMeter.measure(uploadId, size),
    end: (uploadId, how, about) => uploadMeter.end(uploadId, how, about),
  };
}

function decisionPorts({ delivery, metrics }: ApiParts): Pick<AppPorts, 'decide' | 'decideView'> {
  const count = ({ reason, fallbackLevel }: Decision): void => metrics.decided({ reason, level: fallbackLevel });
  return {
    async decide(requests, options) {
      const batch = await delivery.decide(requests, options);
      if (batch.kind === 'decided' && !options.peek) {
        for (const result of batch.results) if (result.kind === 'decided') count(result.decision);
      }
      return batch;
    },
    async decideView(request, options) {
      const decided = await delivery.decideView(request, options);
      if (decided.kind === 'decided' && !options.peek) count(decided.decision);
      return decided;
    },
  };
}

const HISTORY_LENGTH = 50;
/** Every arm more is one more to learn about. */
const MOST_SUGGESTED = 3;

function policyPorts(
  parts: ApiParts,
): Omit<PolicyPorts, 'checkKey'> &
  Pick<PolicyWritePorts, 'operator' | 'onPolicyWritten' | 'whatIf'> &
  Pick<PromotionPorts, 'operator' | 'readPromotion'> {
  const { config, clock, edge, database, registry, table, operator, log } = parts;
  const sources = trialSources(database, config.viewTimeoutMs);
  const statistics = (reward: RewardWeights, range?: { from: Date; to: Date }) =>
    readViewStatistics(database, { reward, viewTimeoutMs: config.viewTimeoutMs, range });
  return {
    current: () => table.current(),
    async versions() {
      const [configs, allocations] = await Promise.all([
        registry.listVersions('config'),
        registry.listVersions('allocation'),
      ]);
      return { configs, allocations, history: await operator.history(HISTORY_LENGTH) };
    },
    async arms() {
      const { config: served, trial } = table.current();
      const onTrial = trial ? [trial.candidate.config] : [];
      return armsInPlay((await registry.configInForce()) ?? served, [served, ...onTrial]);
    },
    async explain({ region, ...rest }) {
      const context = { region: edge.groupOf(region), ...rest };
      const { config: policyConfig, allocation } = table.current();
      return explain({ allocation, config: policyConfig, statistics: await statistics(policyConfig.reward), context });
    },
    async suggestArms() {
      const { config: policyConfig, allocation } = table.current();
      const [rows, curves] = await Promise.all([
        statistics(policyConfig.reward),
        readRateQuality(database, clock.nowMs()),
      ]);
      const rateQuality = (device: Device) => curves.get(device) ?? [];
      return suggestArms({ config: policyConfig, statistics: rows, allocation, rateQuality, limit: MOST_SUGGESTED });
    },
    learn: () => learn(parts),
    async readPromotion() {
      const current = await registry.loadCurrent();
      if (!current) throw new PolicyMissingError('policy: expected a config and an allocation in the store (got none)');
      const assessment = await assessTrial({ registry, sources, clock }, current);
      return {
        inForceVersion: current.inForce.configVersion,
        trial: assessment && describeTrial(assessment, current.inForce),
      };
    },
    operator: { ...operator, pin: (asked) => operator.pin({ ...asked, region: edge.groupOf(asked.region) }) },
    async onPolicyWritten() {
      await table.refresh();
      learn(parts).catch((err: unknown) =>
        log.warn({ err }, 'no refit after a policy write; the next one will see it'),
      );
    },
    async whatIf({ reward: changes, range }) {
      const { config: policyConfig } = table.current();
      const reward = rewardWeightsSchema.parse({ ...policyConfig.reward, ...changes });
      const before = await statistics(policyConfig.reward, range ?? undefined);
      const sameClips = JSON.stringify(clipsOf(reward)) === JSON.stringify(clipsOf(policyConfig.reward));
      const after = sameClips ? before : await statistics(reward, range ?? undefined);
      return whatIf({ config: policyConfig, reward, before, after });
    },
  };
}

/** What is applied when views are summed; weights are applied to the sums. */
function clipsOf(reward: RewardWeights) {
  const { stallRatioClip, startupClipSeconds, switchesPerMinuteClip } = reward;
  return { stallRatioClip, startupClipSeconds, switchesPerMinuteClip };
}

/** Ships what is spooled, so that the refit sees everything that was accepted before it was asked for. */
async function learn({ telemetry, jobs, table }: ApiParts): Promise<LearnAnswer> {
  if (!(await telemetry.shipNow(SHIP_TIMEOUT_MS))) {
    return { kind: 'unavailable', reason: 'telemetry is still being shipped' };
  }
  const answer = await jobs.requestLearn(LEARN_TIMEOUT_MS);
  await table.refresh();
  return answer;
}

type Readiness = { ready: boolean; detail?: string };

async function readiness({ database, redis, table }: ApiParts): Promise<Record<string, Readiness>> {
  const pong = within(READY_TIMEOUT_MS, 'Redis', redis.ping()).then((answer) => answer === 'PONG');
  const [clickhouse, redisReadiness] = await Promise.all([readinessOf(database.ping()), readinessOf(pong)]);
  return {
    clickhouse,
    redis: redisReadiness,
    policy: { ready: table.origin() === 'store', detail: table.origin() },
  };
}

async function readinessOf(check: Promise<boolean>): Promise<Readiness> {
  try {
    return (await check) ? { ready: true } : { ready: false, detail: 'does not answer' };
  } catch (error) {
    return { ready: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
