import type { AssetDocument } from '../../domain/asset.ts';
import type { PlannedToday, WatchForecast } from './propose-upgrade.ts';

/** What upgrading asks of the rest of the platform. */
export type UpgradePorts = {
  /** Whether renditions in AV1 can be made here, and are wanted. */
  makesAv1(): Promise<boolean>;
  /** The most watched assets, with what their views are expected to come to. */
  forecastWatch(): Promise<ReadonlyMap<string, WatchForecast>>;
  /** The config in force: when it changes, more of the library is looked at. Null when it is not known. */
  configVersion(): Promise<number | null>;
  /** What policy would plan for an asset today; null when it cannot say. */
  planToday(asset: AssetDocument): Promise<PlannedToday | null>;
};
