import type { AssetDocument, RetiredRendition, StoredRendition } from '../domain/asset.ts';

/** The asset with other renditions under the next revision; those it had before stay there for the views that play them. */
export function nextRevision(asset: AssetDocument, renditions: readonly StoredRendition[], now: string): AssetDocument {
  const offered = new Set(renditions.map(({ id }) => id));
  const leaving = asset.renditions.map((rendition) => ({ rendition, revision: asset.revision, retiredAt: now }));
  const retired = [...(asset.retired ?? []), ...leaving].filter(({ rendition }) => !offered.has(rendition.id));
  return {
    ...withRetired(asset, retired),
    revision: asset.revision + 1,
    renditions: [...renditions].sort((left, right) => left.bitrateKbps - right.bitrateKbps),
  };
}

/** The asset with exactly these retired renditions. */
export function withRetired({ retired: _, ...asset }: AssetDocument, retired: RetiredRendition[]): AssetDocument {
  return retired.length === 0 ? asset : { ...asset, retired };
}
