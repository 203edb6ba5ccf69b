import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type AppPorts, createApp } from '../api/app.ts';
import { FeedServer } from '../api/feed/feed-server.ts';
import { createFeedTokens } from '../api/feed/feed-token.ts';
import { createMetrics } from '../api/metrics.ts';
import { buildOpenApi } from '../api/openapi.ts';
import { type Config, ConfigError } from '../config.ts';
import { AssetCatalog } from '../delivery/asset-catalog.ts';
import { createRedisDecisions } from '../delivery/redis-decisions.ts';
import { StandingDecisions } from '../delivery/standing-decisions.ts';
import { deriveViewKeys, viewIdOf } from '../delivery/view-identity.ts';
import type { Announcement, Clock, Context, Decision } from '../domain/index.ts';
import { createAssetStore } from '../media/asset-store.ts';
import { openMediaStore } from '../media/open-media-store.ts';
import { renderMultivariantPlaylist } from '../media/package-hls.ts';
import { explain } from '../policy/explain.ts';
import { createServingTable } from '../policy/serving-table.ts';
import { ensureSecret } from '../supervisor/ensure-secret.ts';
import { createDatabase } from '../telemetry/database.ts';
import { findDecisions } from '../telemetry/decision-row.ts';
import { readQoe } from '../telemetry/qoe.ts';
import { readViewStatistics } from '../telemetry/read-statistics.ts';
import { createJobProducer } from '../workers/job-producer.ts';
import { openKeyStore, prepareKeys } from './access-keys.ts';
import { createMilestones } from './asset-milestones.ts';
import { composeAssets } from './compose-assets.ts';
import { composeDelivery } from './compose-delivery.ts';
import { initialConfig, openRegistry } from './compose-policy.ts';
import { composeTelemetry } from './compose-telemetry.ts';
import { connectRedis, connectSubscriber } from './connect-redis.ts';
import { feedTopicsOf } from './feed-topics.ts';
import type { RunCommand } from './index.ts';
import { announce, hearAnnouncements, relay } from './redis-announcements.ts';
import { runService, type Service } from './run-service.ts';

const SHIP_TIMEOUT_MS = 15_000;
const LEARN_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 1_500;

const clock: Clock = { nowMs: () => Date.now() };

/** `nara api` */
export const apiCommand: RunCommand = (_args, config, log) => runService(() => startApi(config, log), log);

/** Starts the API: stores and spools first, listening last. Neither ClickHouse nor Redis need be there. */
export async function startApi(config: Config, log: Logger): Promise<Service> {
  const { clickhouseUrl, redisUrl } = config;
  if (clickhouseUrl === null || redisUrl === null)
    throw new ConfigError('nara api needs CLICKHOUSE_URL and REDIS_URL; `nara serve` starts both by itself.');
  const keys = openKeyStore(config);
  const { browserKey, made } = await prepareKeys(config, keys);
  for (const path of made) log.info({ path }, 'made an access key');
  const secret = config.secret ?? (await ensureSecret(config.dataDir, 'view-secret'));
  const viewKeys = deriveViewKeys(secret);
  const feedTokens = createFeedTokens(secret, clock.nowMs);

  const redis = connectRedis(redisUrl, log);
  const subscriber = connectSubscriber(redisUrl, log);
  const database = createDatabase(clickhouseUrl);
  const jobs = createJobProducer({ redisUrl, log });
  const store = openMediaStore(config.mediaStore);
  const assets = createAssetStore(store);
  const catalog = new AssetCatalog((assetId) => assets.read(assetId));
  const metrics = createMetrics();
  const milestones = createMilestones(metrics);
  const registry = openRegistry(store, clock, log);
  await registry.ensureInitial(await initialConfig(config, clock));
  const table = createServingTable({
    registry,
    lastKnownGoodPath: join(config.dataDir, 'policy-last-known-good.json'),
    clock,
    log,
  });

  const standing = new StandingDecisions({
    shared: createRedisDecisions(redis, 'nara:', clock.nowMs),
    logged: (pairs) =>
      findDecisions(
        database,
        pairs.map(({ sessionId, assetId }) => viewIdOf(viewKeys, sessionId, assetId, 0)),
      ),
    clock,
    onUnavailable: (part, error) => log.debug({ err: error, part }, 'deciding without'),
  });
  const telemetry = composeTelemetry(
    config,
    database,
    {
      attribute: (event) => delivery.attribute(event),
      onShipped: (spool, { kind, segment }) => metrics.shipped({ spool, result: kind, rows: segment.rows }),
      nowMs: clock.nowMs,
    },
    log,
  );
  const delivery = composeDelivery({ catalog, table, standing, log: telemetry.logDecisions, keys: viewKeys, clock });
  const uploadsDirectory = join(config.mediaStore, 'uploads');
  const tell = (announcement: Announcement) => announce(redis, announcement, log);
  const { forUploads, forAssets } = composeAssets({
    assets,
    catalog,
    announce: tell,
    enqueue: (assetId) => jobs.enqueueFastLane(assetId),
    onUploadFinished: (kbps) => metrics.uploadFinished({ kbps }),
    uploadsDirectory,
    clock,
  });
  const feed = new FeedServer({
    checkToken: feedTokens.check,
    onClientPublish: (topic, type, data, user) => void relay(redis, { topic, type, data, user }, log),
    nowMs: clock.nowMs,
    log: log.child({ part: 'feed' }),
  });

  async function onAnnouncement(announcement: Announcement): Promise<void> {
    if ('assetId' in announcement) catalog.forget(announcement.assetId);
    else await table.refresh();
    const asset = 'assetId' in announcement ? await catalog.get(announcement.assetId) : null;
    if (asset !== null) milestones(asset);
    for (const { topic, type, data } of feedTopicsOf(announcement, asset)) feed.publish(topic, type, data);
  }

  const checkKey: AppPorts['checkKey'] = (key) => keys.check(key);
  const app = createApp(
    {
      checkKey,
      browserKey,
      trustedProxies: config.trustedProxies,
      onResponse: metrics.httpRequest,
      ingest: async (events, reporter) => {
        const startedAt = performance.now();
        const result = await telemetry.ingest(events, reporter);
        if (result.kind === 'stored') {
          metrics.ingested({
            ...result,
            rejected: result.rejected.length,
            seconds: (performance.now() - startedAt) / 1000,
          });
        }
        return result;
      },
      audit: () => telemetry.audit(),
      decide: async (requests, options) => {
        const batch = await delivery.decide(requests, options);
        if (batch.kind === 'decided' && !options.peek) countDecisions(batch.results);
        return batch;
      },
      decideView: async (request) => {
        const decided = await delivery.decideView(request);
        if (decided.kind === 'decided') countDecisions([decided]);
        return decided;
      },
      asset: (assetId) => catalog.get(assetId),
      verifyToken: delivery.verifyToken,
      renderManifest: (asset, renditionIds) =>
        renderMultivariantPlaylist({ renditions: asset.renditions, audio: asset.audio, renditionIds }),
      mediaFile: async (assetId, name) => {
        const key = `assets/${assetId}/${name}`;
        return (await store.size(key)) === null ? null : store.localPath(key);
      },
      readQoe: (query) => readQoe(database, query, table.current().config.reward),
      nowMs: clock.nowMs,
      current: () => table.current(),
      versions: async () => ({
        configs: await registry.listVersions('config'),
        allocations: await registry.listVersions('allocation'),
      }),
      explain: async (context: Context) => {
        const { config: policyConfig, allocation } = table.current();
        const statistics = await readViewStatistics(database, {
          reward: policyConfig.reward,
          viewTimeoutMs: config.viewTimeoutMs,
        });
        return explain({ allocation, config: policyConfig, statistics, context });
      },
      learn: async () => {
        const shipped = await telemetry.shipNow(SHIP_TIMEOUT_MS);
        if (!shipped) return { kind: 'unavailable', reason: 'telemetry is still being shipped' };
        const answer = await jobs.requestLearn(LEARN_TIMEOUT_MS);
        await table.refresh();
        return answer.kind === 'unavailable' ? { kind: 'unavailable', reason: 'Redis or the worker is away' } : answer;
      },
      mintFeedToken: feedTokens.mint,
      assets: { checkKey, ...forAssets },
      uploads: { checkKey, directory: uploadsDirectory, ...forUploads },
      health: {
        readiness: async () => ({
          clickhouse: await readinessOf(database.ping()),
          redis: await readinessOf(redis.ping().then((answer) => answer === 'PONG')),
          policy: { ready: table.origin() === 'store', detail: table.origin() },
        }),
        metrics: async () => ({ contentType: metrics.registry.contentType, text: await metrics.registry.metrics() }),
        openApi: buildOpenApi,
      },
    },
    log,
  );

  function countDecisions(
    results: readonly { kind: string; decision?: Pick<Decision, 'reason' | 'fallbackLevel'> }[],
  ): void {
    for (const { decision } of results)
      if (decision) metrics.decided({ reason: decision.reason, level: decision.fallbackLevel });
  }

  metrics.observeGauges({
    spools: telemetry.gauges,
    jobs: () => jobs.counts(),
    policy: () => table.current().allocation,
    feedClients: () => feed.clientCount,
  });
  await table.start();
  await telemetry.start();
  void hearAnnouncements(subscriber, {
    onAnnouncement: (announcement) =>
      void onAnnouncement(announcement).catch((error) => log.warn({ err: error }, 'announcement not passed on')),
    onRelayed: ({ topic, type, data, user }) => feed.publish(topic, type, { user, data }),
  }).catch((error) => log.debug({ err: error }, 'announcements end'));

  const server = createServer(app);
  server.keepAliveTimeout = 65_000;
  feed.attach(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  log.info({ url }, 'listening');

  return {
    url,
    async stop() {
      feed.close();
      await closeServer(server);
      await telemetry.stop();
      await table.stop();
      await jobs.close();
      redis.disconnect();
      subscriber.disconnect();
      await database.close();
    },
  };
}

async function readinessOf(check: Promise<boolean>): Promise<{ ready: boolean; detail?: string }> {
  try {
    return (await check) ? { ready: true } : { ready: false, detail: 'does not answer' };
  } catch (error) {
    return { ready: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/** Lets running requests finish for a moment, then cuts what is left: uploads resume, players retry. */
async function closeServer(server: ReturnType<typeof createServer>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
  server.closeIdleConnections();
  await closed;
  clearTimeout(timer);
}
