import { showAsset } from '../api/routes/asset-routes.ts';
import type { Announcement, AssetDocument } from '../domain/index.ts';

export type FeedPublication = { topic: string; type: string; data: unknown };

/** What the feed says of an announcement: each asset on its own topic and on `assets`, policy on `policy`. */
export function feedTopicsOf(announcement: Announcement, asset: AssetDocument | null): FeedPublication[] {
  const { type, ...what } = announcement;
  if (!('assetId' in announcement)) return [{ topic: 'policy', type, data: what }];
  if (announcement.type === 'asset.progress') {
    return onBoth(announcement.assetId, type, { id: announcement.assetId, share: announcement.share });
  }
  if (type === 'asset.deleted') return onBoth(announcement.assetId, type, { id: announcement.assetId });
  return asset === null ? [] : onBoth(announcement.assetId, type, showAsset(asset));
}

function onBoth(assetId: string, type: string, data: unknown): FeedPublication[] {
  return [
    { topic: 'assets', type, data },
    { topic: `asset:${assetId}`, type, data },
  ];
}
