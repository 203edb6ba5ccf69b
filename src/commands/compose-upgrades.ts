import type { Logger } from 'pino';
import type { AssetDocument, EncodePlan, LadderRung, Source } from '../domain/index.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { decodingShare } from '../policy/decoding-share.ts';
import type { Registry } from '../policy/registry.ts';
import { megabytesPerPointSecond } from '../policy/rung-price.ts';
import { neededRungs, unlockedBy } from '../policy/unlocked.ts';
import type { Database } from '../telemetry/database.ts';
import { readDecoding } from '../telemetry/read-decoding.ts';
import { readWatchForecast } from '../telemetry/read-watch.ts';
import { missingRungs } from '../workers/upgrade/propose-upgrade.ts';
import type { UpgradePorts } from '../workers/upgrade/upgrade-ports.ts';

type Ports = {
  registry: Pick<Registry, 'loadCurrent'>;
  database: Pick<Database, 'query'>;
  planEncode(request: { asset: AssetDocument; source: Source }): Promise<EncodePlan>;
  /** Whether AV1 is among the codecs that are wanted. */
  wantsAv1: boolean;
  ffmpeg: Pick<Ffmpeg, 'warmUp'>;
  log: Logger;
};

/** What is watched, and what policy would plan today. */
export function composeUpgrades({ registry, database, planEncode, wantsAv1, ffmpeg, log }: Ports): UpgradePorts {
  return {
    makesAv1: async () => wantsAv1 && (await ffmpeg.warmUp()).av1 === true,
    async forecastWatch() {
      const forecast = await readWatchForecast(database);
      const { assets, everyone } = await readDecoding(database, 'av1', [...forecast.keys()]);
      const withShare = [...forecast].map(
        ([id, watch]) => [id, { ...watch, av1Share: decodingShare(assets.get(id), everyone) }] as const,
      );
      return new Map(withShare);
    },
    configVersion: async () => (await registry.loadCurrent())?.config.configVersion ?? null,
    async planToday(asset) {
      const policy = await registry.loadCurrent();
      const { source, renditions, complexityScale } = asset;
      if (policy === null || source === null) return null;
      const plan = await planEncode({ asset, source }).catch((error: unknown) => {
        log.warn({ err: error, assetId: asset.id }, 'not planned again');
        return null;
      });
      if (plan === null) return null;
      const sourceHeight = Math.min(source.width, source.height);
      const asRenditions = (rungs: readonly LadderRung[]) =>
        rungs.map(({ height, bitrateKbps }, index) => ({
          id: `planned-${index}`,
          width: Math.round((source.width * height) / sourceHeight),
          height,
          codec: 'h264' as const,
          bitrateKbps: bitrateKbps * complexityScale,
        }));
      const held = { renditions, complexityScale, sourceHeight };
      const unlockedWith = (rungs: readonly LadderRung[]) =>
        unlockedBy(policy, plan.audience, held, asRenditions(rungs));
      const rungs = neededRungs(missingRungs(asset, plan.rungs), unlockedWith);
      const unlocked = unlockedWith(rungs);
      const { reward, encode, configVersion } = policy.config;
      const { storedGbMonth, keptMonths, egressGb } = encode.prices;
      return {
        rungs,
        unlockedShare: unlocked.share,
        gainMegabytes: unlocked.points * (megabytesPerPointSecond(reward) ?? 0),
        keptMegabytes: egressGb > 0 ? (storedGbMonth * keptMonths) / egressGb : 0,
        by: { configVersion, allocationVersion: policy.allocation.allocationVersion },
      };
    },
  };
}
