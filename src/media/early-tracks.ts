import { z } from 'zod';
import { type AssetDocument, assetDocumentSchema } from '../domain/asset.ts';

/**
 * `early.json`: what a worker made of an upload that is still arriving. Beside the document and not in it, because the document
 * belongs to the API until the last byte; whoever reads that sees both as one.
 */
export const earlyTracksSchema = assetDocumentSchema
  .pick({ durationMs: true, source: true, renditions: true, audio: true, plan: true })
  .extend({ playableAt: z.iso.datetime() });
export type EarlyTracks = z.infer<typeof earlyTracksSchema>;

/** An asset that nothing has been made of yet may have early tracks; the verdict on its upload comes before them. */
export const mayHaveEarlyTracks = (asset: AssetDocument): boolean =>
  asset.kind === 'hosted' && asset.availability === 'none' && asset.state !== 'failed';

/** The asset as it can be played while it arrives: only its `state` still says that. */
export function withEarlyTracks(asset: AssetDocument, { playableAt, ...tracks }: EarlyTracks): AssetDocument {
  return {
    ...asset,
    ...tracks,
    availability: 'playable',
    revision: Math.max(1, asset.revision),
    timings: { ...asset.timings, playableAt },
  };
}

/** The asset as if nothing had been made of it: its upload turned out not to be one. */
export function withoutEarlyTracks(asset: AssetDocument): AssetDocument {
  return {
    ...asset,
    availability: 'none',
    renditions: [],
    audio: null,
    timings: { ...asset.timings, playableAt: null },
  };
}
