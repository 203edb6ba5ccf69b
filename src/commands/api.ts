import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { createRequestHandler } from '../api/app.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Announcement } from '../domain/index.ts';
import { assetPrefix } from '../media/asset-store.ts';
import { guardCounts, suspicionCounts } from '../policy/guard-events.ts';
import { openKeyStore, prepareKeys } from './access-keys.ts';
import { apiPorts } from './api-ports.ts';
import { createMilestones } from './asset-milestones.ts';
import { initialConfig } from './compose-policy.ts';
import { feedTopicsOf } from './feed-topics.ts';
import { readHostStatuses } from './governor-board.ts';
import { tellLatency } from './latency-channel.ts';
import { listen } from './listen.ts';
import { type ApiParts, openApiParts } from './open-api-parts.ts';
import { hearAnnouncements } from './redis-announcements.ts';
import type { RunCommand } from './run-command.ts';
import { runService, type Service } from './run-service.ts';

const EXPIRE_UPLOADS_EVERY_MS = 10 * 60_000;
/** How far the heap may grow beyond what lives before it is looked through: V8 itself would wait for four times as much. */
const HEAP_GROWTH = '--heap-growing-percent=80';

/** `nara api` */
export const apiCommand: RunCommand = (_args, config, log) => {
  setFlagsFromString(HEAP_GROWTH);
  return runService(() => startApi(config, log), log);
};

/** Starts the API: policy and spools first, listening last. Neither ClickHouse nor Redis need be there. */
async function startApi(config: Config, log: Logger): Promise<Service> {
  const { clickhouseUrl, redisUrl } = config;
  if (clickhouseUrl === null || redisUrl === null) {
    throw new ConfigError('nara api needs CLICKHOUSE_URL and REDIS_URL; `nara serve` starts both by itself.');
  }
  const keys = openKeyStore(config, log);
  const { browserKey, made } = await prepareKeys(config, keys);
  for (const path of made) log.info({ path }, 'made an access key');

  const parts = await openApiParts(config, { clickhouseUrl, redisUrl }, log);
  const { registry, table, telemetry, feed } = parts;
  await registry.ensureInitial(await initialConfig(config, parts.clock));
  await table.start();
  await telemetry.start();
  parts.metrics.observeGauges({
    spools: telemetry.gauges,
    jobs: () => parts.jobs.counts(),
    policy() {
      const { allocation, trial } = table.current();
      const { configVersion, allocationVersion } = allocation;
      const onTrial = trial && { configVersion: trial.candidate.config.configVersion, share: trial.share };
      const guarded = guardCounts(allocation);
      return { configVersion, allocationVersion, trial: onTrial, guarded, suspicions: suspicionCounts(allocation) };
    },
    feedClients: () => feed.clientCount,
    encoding: () => readHostStatuses(parts.redis, parts.clock.nowMs()),
    unaccounted: telemetry.unaccounted,
    effects: parts.effects.watchedEffects,
  });
  listenToOthers(parts);
  const handler = createRequestHandler(apiPorts(parts, keys, browserKey), log);
  const server = await listen(handler, config, (httpServer) => {
    feed.attach(httpServer);
    parts.uplink?.watch(httpServer);
  });
  log.info({ url: server.url }, 'listening');
  const stopExpiring = expireUploads(parts);
  const stopTelling = tellLatency(parts.redis);

  return {
    url: server.url,
    async stop() {
      stopExpiring();
      stopTelling();
      feed.close();
      await server.close();
      await parts.uploadMeter.settle();
      await telemetry.stop();
      await table.stop();
      await parts.jobs.close();
      parts.redis.disconnect();
      parts.decisionsRedis.disconnect();
      parts.subscriber.disconnect();
      await parts.database.close();
    },
  };
}

/** Removes abandoned uploads now and regularly; answers how to end that. */
function expireUploads({ assets, log }: ApiParts): () => void {
  const expire = () =>
    assets.expireAbandoned().then(
      (removed) => removed > 0 && log.info({ removed }, 'removed abandoned uploads'),
      (error: Error) => log.warn({ err: error }, 'abandoned uploads not removed'),
    );
  void expire();
  const timer = setInterval(() => void expire(), EXPIRE_UPLOADS_EVERY_MS);
  return () => clearInterval(timer);
}

/** What other processes announce: caches are renewed, metrics counted, the feed told. */
function listenToOthers({ subscriber, catalog, mediaCache, table, metrics, feed, log }: ApiParts): void {
  const milestones = createMilestones(metrics);

  async function onAnnouncement(announcement: Announcement): Promise<void> {
    if (!('assetId' in announcement)) await table.refresh();
    else catalog.forget(announcement.assetId);
    if (announcement.type === 'asset.deleted') mediaCache.forget(`${assetPrefix(announcement.assetId)}/`);
    const asset = 'assetId' in announcement ? await catalog.get(announcement.assetId) : null;
    if (asset !== null) milestones(asset);
    for (const { topic, type, data } of feedTopicsOf(announcement, asset)) feed.publish(topic, type, data);
  }

  hearAnnouncements(subscriber, {
    onAnnouncement: (announcement) => {
      onAnnouncement(announcement).catch((error: Error) => log.warn({ err: error }, 'announcement not passed on'));
    },
    onRelayed: ({ topic, type, data, user }) => feed.publish(topic, type, { user, data }),
  }).catch((error: Error) => log.debug({ err: error }, 'no announcements any more'));
}
