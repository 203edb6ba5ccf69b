import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config.ts';
import type { Announcement, Clock } from '../domain/index.ts';
import { createAssetStore } from '../media/asset-store.ts';
import { sweepTemporaryFiles } from '../media/directory-store.ts';
import { createFfmpeg } from '../media/ffmpeg.ts';
import { openMediaStore } from '../media/open-media-store.ts';
import { createEncodePlanCopier } from '../telemetry/copy-encode-plans.ts';
import { copyPolicyDocuments } from '../telemetry/copy-policy-documents.ts';
import { createDatabase } from '../telemetry/database.ts';
import { migrate } from '../telemetry/schema/migrate.ts';
import { startWorkers } from '../workers/start-workers.ts';
import { readServiceSecret } from './access-keys.ts';
import { bucketAccess } from './bucket-access.ts';
import { composeEncodePlan } from './compose-encode-plan.ts';
import { composeGovernor } from './compose-governor.ts';
import { initialConfig, openLearner, openRegistry } from './compose-policy.ts';
import { composeUpgrades } from './compose-upgrades.ts';
import { connectRedis } from './connect-redis.ts';
import { announce } from './redis-announcements.ts';
import type { RunCommand } from './run-command.ts';
import { runService, type Service } from './run-service.ts';

const clock: Clock = { nowMs: () => Date.now() };

/** `nara worker` */
export const workerCommand: RunCommand = (_args, config, log) => runService(() => startWorker(config, log), log);

/** Starts transcoding and learning. Neither ClickHouse nor Redis need be there yet. */
async function startWorker(config: Config, log: Logger): Promise<Service> {
  const { clickhouseUrl, redisUrl } = config;
  if (clickhouseUrl === null || redisUrl === null) {
    throw new ConfigError('nara worker needs CLICKHOUSE_URL and REDIS_URL; `nara serve` starts both by itself.');
  }
  const secret = await readServiceSecret(config);
  const redis = connectRedis(redisUrl, log);
  const database = createDatabase(clickhouseUrl);
  const store = openMediaStore(config.mediaStore, bucketAccess(config));
  const registry = openRegistry(store, clock, log);
  await registry.ensureInitial(await initialConfig(config, clock));
  const tell = async (announcement: Announcement) => void announce(redis, announcement, log);
  const learner = openLearner({ config, registry, database, announce: tell, clock, log });
  const assets = createAssetStore(store);
  const governor = composeGovernor(config, { redisUrl, redis }, log);
  const { ffmpegPath, ffprobePath } = config;
  const ffmpeg = createFfmpeg({ ffmpegPath, ffprobePath, log, pacer: governor.pacer });

  const { planEncode, expectPlan } = composeEncodePlan({ registry, database, secret, clock, log });

  const plans = createEncodePlanCopier(database, assets, clock.nowMs);

  // The first regular refit may come before the API has made the tables.
  let schema: Promise<unknown> | null = null;

  governor.start();
  const workers = await startWorkers({
    redisUrl,
    log,
    concurrency: governor.concurrency,
    ports: {
      media: { store, ffmpeg, workRoot: join(config.dataDir, 'work'), log },
      assets,
      planEncode,
      expectPlan,
      sweepTemporary: () => sweepTemporaryFiles(bucketAccess(config)?.landingDirectory ?? config.mediaStore),
      upgrades: composeUpgrades({
        registry,
        database,
        planEncode,
        wantsAv1: config.codecs.includes('av1'),
        ffmpeg,
        log,
      }),
      announce: tell,
      clock,
      async learn() {
        schema ??= migrate(database);
        await schema.catch((error) => {
          schema = null;
          throw error;
        });
        const result = await learner.learn();
        await copyPolicyDocuments(database, registry);
        await plans.copy().catch((error: Error) => log.warn({ err: error }, 'encode plans are not logged yet'));
        return result;
      },
    },
    onJob: ({ queue, outcome, seconds }) => log.debug({ queue, outcome, seconds }, 'job ended'),
  });

  return {
    async stop() {
      await workers.stop();
      governor.stop();
      redis.disconnect();
      await database.close();
    },
  };
}
