import {
  type AssetDocument,
  assetDocumentSchema,
  type ExternalAsset,
  type Quality,
  UNKNOWN_CONTEXT,
} from '../domain/index.ts';

type Screen = keyof Quality;

/** Which stated device class speaks best for one that was not stated: the nearest screen first. */
const NEAREST: Record<Screen, readonly Screen[]> = {
  phone: ['phone', 'tablet', 'desktop', 'tv'],
  tablet: ['tablet', 'phone', 'desktop', 'tv'],
  desktop: ['desktop', 'tablet', 'tv', 'phone'],
  tv: ['tv', 'desktop', 'tablet', 'phone'],
};

/** Renditions encoded and served elsewhere, as an asset that decisions can be made over. */
export function toExternalDocument(asset: ExternalAsset, nowMs: number): AssetDocument {
  const now = new Date(nowMs).toISOString();
  return {
    id: asset.id,
    kind: 'external',
    owner: 'external',
    filename: asset.id,
    createdAt: now,
    context: UNKNOWN_CONTEXT,
    durationMs: asset.durationMs,
    source: null,
    state: 'ready',
    availability: 'complete',
    revision: 1,
    timings: { uploadedAt: now, playableAt: now, completeAt: now, upgradedAt: null },
    complexityScale: 1,
    plan: null,
    renditions: asset.renditions.map((rendition) => ({
      ...rendition,
      quality: completeQuality(rendition.quality),
      peakKbps: rendition.bitrateKbps,
      targetKbps: rendition.bitrateKbps,
      bytes: Math.round((rendition.bitrateKbps * asset.durationMs) / 8),
      codecs: rendition.codec,
      qualityMeasured: true,
      segments: [],
    })),
    audio: null,
    previews: { thumbhash: null, poster: null, clip: null, storyboard: null },
    uploadKey: null,
    upload: null,
  };
}

/** Whether a stored external asset says the same as one that is offered again. */
export function isSameExternal(stored: AssetDocument, offered: ExternalAsset): boolean {
  // Through the schema, so that the order of fields is the same on both sides.
  const essence = (document: AssetDocument): string => {
    const { kind, durationMs, renditions } = assetDocumentSchema.parse(document);
    return JSON.stringify([kind, durationMs, renditions]);
  };
  return essence(stored) === essence(toExternalDocument(offered, 0));
}

function completeQuality(stated: ExternalAsset['renditions'][number]['quality']): Quality {
  const of = (screen: Screen): number =>
    NEAREST[screen].map((near) => stated[near]).find((value) => value !== undefined) ?? 0;
  return { phone: of('phone'), tablet: of('tablet'), desktop: of('desktop'), tv: of('tv') };
}
