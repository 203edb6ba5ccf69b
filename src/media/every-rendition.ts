import type { AssetDocument, StoredRendition } from '../domain/asset.ts';

/** What some view may be playing: an asset's renditions, and those that only views of older revisions are offered. */
export function everyRendition({ renditions, retired = [] }: Pick<AssetDocument, 'renditions' | 'retired'>) {
  const byId = new Map<string, StoredRendition>();
  for (const { rendition } of retired) byId.set(rendition.id, rendition);
  for (const rendition of renditions) byId.set(rendition.id, rendition);
  return [...byId.values()];
}
