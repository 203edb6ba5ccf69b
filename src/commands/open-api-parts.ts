import { join } from 'node:path';
import type { Logger } from 'pino';
import { FeedServer } from '../api/feed/feed-server.ts';
import { createFeedTokens } from '../api/feed/feed-token.ts';
import { createMetrics } from '../api/metrics.ts';
import { UploadMeter } from '../api/upload-meter.ts';
import { DiskBudget } from '../api/uploads/disk-budget.ts';
import { EarlyStart } from '../api/uploads/early-start.ts';
import type { Config } from '../config.ts';
import { AssetCatalog } from '../delivery/asset-catalog.ts';
import { createRedisDecisions } from '../delivery/redis-decisions.ts';
import { StandingDecisions } from '../delivery/standing-decisions.ts';
import { deriveViewKeys, viewIdOf } from '../delivery/view-identity.ts';
import type { Announcement, Clock } from '../domain/index.ts';
import { assetPrefix, createAssetStore } from '../media/asset-store.ts';
import { freeBytesOf } from '../media/disk-room.ts';
import { openLocalCache } from '../media/local-cache.ts';
import { openMediaStore } from '../media/open-media-store.ts';
import { createOperator } from '../policy/operator.ts';
import { createServingTable } from '../policy/serving-table.ts';
import { createDatabase } from '../telemetry/database.ts';
import { findDecisions, isAnyDecisionLogged } from '../telemetry/decision-row.ts';
import { createJobProducer } from '../workers/job-producer.ts';
import { readServiceSecret } from './access-keys.ts';
import { bucketAccess } from './bucket-access.ts';
import { composeAssets } from './compose-assets.ts';
import { composeDelivery, type Delivery } from './compose-delivery.ts';
import { composeEdge } from './compose-edge.ts';
import { composeEffects } from './compose-effects.ts';
import { composeErasure } from './compose-erasure.ts';
import { openRegistry } from './compose-policy.ts';
import { composeTelemetry } from './compose-telemetry.ts';
import { composeUplink } from './compose-uplink.ts';
import { connectRedis, connectSubscriber } from './connect-redis.ts';
import { announce, relay } from './redis-announcements.ts';
import { reportUploads } from './report-uploads.ts';
import { createSubjectHash } from './subject-hash.ts';

/** Days in a row that one session may come back to one asset and still be told its view after Redis was lost. */
const GENERATIONS = [0, 1, 2, 3, 4, 5, 6];
/** A view waits for what Redis knows of it, and is decided without after that long. */
const DECISION_TIMEOUT_MS = 250;

export type ApiUrls = { clickhouseUrl: string; redisUrl: string };

const clock: Clock = { nowMs: () => Date.now() };

/** Everything the API is made of, opened but not started; nothing here waits for ClickHouse or Redis. */
export async function openApiParts(config: Config, urls: ApiUrls, log: Logger) {
  const secret = await readServiceSecret(config);
  const viewKeys = deriveViewKeys(secret);
  const edge = await composeEdge(config, secret, clock, log);
  const decisionsRedis = connectRedis(urls.redisUrl, log, DECISION_TIMEOUT_MS);
  const redis = connectRedis(urls.redisUrl, log);
  const subscriber = connectSubscriber(urls.redisUrl, log);
  const database = createDatabase(urls.clickhouseUrl);
  const jobs = createJobProducer({ redisUrl: urls.redisUrl, log });
  const store = openMediaStore(config.mediaStore, bucketAccess(config));
  const assetStore = createAssetStore(store);
  const catalog = new AssetCatalog((assetId) => assetStore.read(assetId));
  const metrics = createMetrics();
  const registry = openRegistry(store, clock, log);
  const table = createServingTable({
    registry,
    lastKnownGoodPath: join(config.dataDir, 'policy-last-known-good.json'),
    clock,
    log,
  });

  const operator = createOperator({
    registry,
    announce: (announcement) => announce(redis, announcement, log),
    clock,
    log,
  });

  const standing = new StandingDecisions({
    shared: createRedisDecisions(decisionsRedis, 'nara:', clock.nowMs),
    logged: (pairs) =>
      findDecisions(
        database,
        pairs.flatMap(({ sessionId, assetId }) =>
          GENERATIONS.map((generation) => viewIdOf(viewKeys, sessionId, assetId, generation)),
        ),
      ),
    isAnyLoggedBefore: (beforeMs) => isAnyDecisionLogged(database, beforeMs),
    clock,
    onUnavailable: (part, error) =>
      log.warn({ part, reason: error.message }, 'does not answer; deciding without it for now'),
  });
  const effects = composeEffects({
    database,
    config: () => table.current().config,
    viewTimeoutMs: config.viewTimeoutMs,
    clock,
  });
  const hashSubject = createSubjectHash(secret);
  const clips = () => table.current().config.reward;
  const telemetry = composeTelemetry(
    config,
    database,
    {
      attribute: (event) => delivery.attribute(event),
      onShipped: (spool, { kind, segment }) => metrics.shipped({ spool, result: kind, rows: segment.rows }),
      onIngested: metrics.ingested,
      onDeadLettersLost: metrics.deadLettersLost,
      groupOf: edge.groupOf,
      hashSubject,
      clips,
      nowMs: clock.nowMs,
    },
    log,
  );
  const delivery: Delivery = composeDelivery({
    catalog,
    table,
    standing,
    log: telemetry.logDecisions,
    keys: viewKeys,
    codecs: config.codecs,
    clock,
  });
  const { uploadsDirectory } = config;
  const mediaCache = await openLocalCache(store, {
    directory: join(config.dataDir, 'media-cache'),
    maxBytes: config.mediaCacheBytes,
  });
  const uploadMeter = new UploadMeter({
    directory: uploadsDirectory,
    report: reportUploads(telemetry.ingest, edge, metrics.uploadReported, log),
    nowMs: clock.nowMs,
  });
  const diskBudget = new DiskBudget({
    directory: uploadsDirectory,
    reserveBytes: config.diskReserveBytes,
    freeBytes: () => freeBytesOf(uploadsDirectory),
    monotonicMs: () => performance.now(),
  });
  const earlyStart = new EarlyStart({
    directory: uploadsDirectory,
    async start(assetId) {
      const asset = await assetStore.read(assetId);
      if (asset?.state === 'uploading') await jobs.enqueueEarly(asset);
    },
  });
  const assets = composeAssets({
    assets: assetStore,
    catalog,
    announce(announcement: Announcement) {
      if (announcement.type === 'asset.deleted') mediaCache.forget(`${assetPrefix(announcement.assetId)}/`);
      void announce(redis, announcement, log);
    },
    enqueue: (asset) => jobs.enqueueFastLane(asset),
    onUploadFinished: (kbps) => metrics.uploadFinished({ kbps }),
    onUploadAbandoned: metrics.uploadAbandoned,
    onRetried: (retry) => log.info(retry, 'failed asset is tried again'),
    endUpload: (uploadId, about) => uploadMeter.end(uploadId, 'abandoned', about),
    uploadsDirectory,
    store,
    clock,
  });
  const eraseTelemetry = composeErasure({
    database,
    standing,
    assetsOf: assets.idsOf,
    shipNow: telemetry.shipNow,
    clips,
    hashSubject,
    dataDir: config.dataDir,
    clock,
  });
  const feedTokens = createFeedTokens(secret, clock.nowMs);
  const feed = new FeedServer({
    checkToken: feedTokens.check,
    onClientPublish: (topic, type, data, user) => void relay(redis, { topic, type, data, user }, log),
    nowMs: clock.nowMs,
    log: log.child({ part: 'feed' }),
  });
  return {
    config,
    log,
    clock,
    secret,
    edge,
    redis,
    decisionsRedis,
    subscriber,
    database,
    jobs,
    store,
    catalog,
    metrics,
    registry,
    table,
    operator,
    effects,
    telemetry,
    delivery,
    eraseTelemetry,
    assets,
    uploadsDirectory,
    uploadMeter,
    earlyStart,
    diskBudget,
    mediaCache,
    uplink: composeUplink(config.uplinkKbps),
    feed,
    feedTokens,
  };
}

export type ApiParts = Awaited<ReturnType<typeof openApiParts>>;
