import type { Logger } from 'pino';
import type { Announcement } from '../domain/announcement.ts';
import type { AssetDocument, EncodePlan, Source } from '../domain/asset.ts';
import type { Clock } from '../domain/clock.ts';
import type { AssetStore } from '../media/asset-store.ts';
import type { MediaRoom } from '../media/media-room.ts';

/** What transcoding asks of the rest of the platform. */
export type TranscodePorts = {
  media: MediaRoom;
  assets: AssetStore;
  /** Which rungs this asset gets: policy's answer. */
  planEncode(request: { asset: AssetDocument; source: Source }): Promise<EncodePlan>;
  /** This asset will be planned in a moment: what takes time can begin. */
  expectPlan?(asset: AssetDocument): void;
  /** Tells the world; losing one costs latency, never truth. */
  announce(announcement: Announcement): Promise<void>;
  clock: Clock;
};

/** `transcode` logs of one asset. */
export const assetLog = (ports: TranscodePorts, assetId: string): Logger => ports.media.log.child({ assetId });
