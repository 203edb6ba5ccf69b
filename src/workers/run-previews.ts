import type { AssetDocument, Previews, StoredRendition } from '../domain/asset.ts';
import { readDone } from '../media/finished-tracks.ts';
import { makePreviews } from '../media/previews/make-previews.ts';
import { readPreviews, writePreviews } from '../media/previews/previews-document.ts';
import { openSource } from './open-source.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';
import { AssetRemovedError, whileAssetExists } from './update-asset.ts';

/** `settled`: what there is to see is written down, whether now or before. `too-early`: no rung is whole yet. */
export type PreviewsOutcome = { kind: 'settled' } | { kind: 'too-early' } | { kind: 'nothing-to-do' };

const NO_PREVIEWS: Previews = {
  thumbhash: null,
  poster: null,
  poster2x: null,
  clip: null,
  storyboard: null,
  tiles: null,
};

/**
 * Makes what there is to see of an asset before it plays, from its lowest rung. Never writes the asset's document, since another
 * worker may be completing it meanwhile; run twice it changes nothing. Throws `AssetRemovedError`, and what another try might mend.
 */
export async function runPreviews(
  ports: TranscodePorts,
  assetId: string,
  signal: AbortSignal,
): Promise<PreviewsOutcome> {
  const asset = await ports.assets.read(assetId);
  if (asset?.kind !== 'hosted' || asset.availability === 'none') return { kind: 'nothing-to-do' };
  if (await readPreviews(ports.media.store, assetId)) return { kind: 'settled' };
  const rendition = await lowestWholeRendition(ports, asset);
  if (!rendition) return { kind: 'too-early' };
  return whileAssetExists(ports, assetId, signal, async (existing) => {
    const source = await openIfThere(ports, asset, existing);
    await settle(ports, assetId, await makePreviews(ports.media, { assetId, rendition, source }, existing));
    return { kind: 'settled' };
  });
}

/** Writes down that an asset goes without. */
export const goWithoutPreviews = (ports: TranscodePorts, assetId: string): Promise<void> =>
  settle(ports, assetId, NO_PREVIEWS);

async function settle(ports: TranscodePorts, assetId: string, previews: Previews): Promise<void> {
  await writePreviews(ports.media.store, assetId, previews);
  // Deleted meanwhile: whoever gives this job up removes what was written after the deletion.
  if (!(await ports.assets.read(assetId))) throw new AssetRemovedError(assetId);
  await ports.announce({ type: 'asset.changed', assetId }).catch((error: unknown) => {
    assetLog(ports, assetId).warn({ err: error }, 'previews could not be announced');
  });
  assetLog(ports, assetId).info({ ...previews, tiles: previews.tiles?.count ?? 0 }, 'previews are settled');
}

async function lowestWholeRendition(
  { media }: TranscodePorts,
  { id, renditions }: AssetDocument,
): Promise<StoredRendition | null> {
  const rising = renditions
    .filter(({ codec }) => codec === 'h264')
    .sort((a, b) => a.width * a.height - b.width * b.height || a.bitrateKbps - b.bitrateKbps);
  for (const { id: renditionId } of rising) {
    const done = await readDone(media.store, id, renditionId);
    if (done?.rendition) return done.rendition;
  }
  return null;
}

async function openIfThere(ports: TranscodePorts, asset: AssetDocument, signal: AbortSignal) {
  const { uploadKey } = asset;
  if (uploadKey === null) return null;
  const opened = await openSource(ports, { ...asset, uploadKey }, signal);
  return opened.kind === 'opened' ? opened.source : null;
}
