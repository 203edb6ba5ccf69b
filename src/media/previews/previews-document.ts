import { type AssetDocument, type Previews, previewsSchema } from '../../domain/asset.ts';
import type { MediaStore } from '../media-store.ts';

// Previews are made beside whatever else becomes of an asset, so they have a document of their own: only one worker at a time
// may write `asset.json`. Who reads an asset sees both as one; who writes it next takes them along.

const previewsKey = (assetId: string): string => `assets/${assetId}/previews.json`;

/** Whether an asset's previews, if there are any, are still to be read from their own document. */
export const mayHavePreviews = ({ kind, availability, previews }: AssetDocument): boolean =>
  kind === 'hosted' && availability !== 'none' && !previews.tiles;

/** What there is to see of an asset before it plays; null while that has not been settled. */
export async function readPreviews(store: Pick<MediaStore, 'read'>, assetId: string): Promise<Previews | null> {
  const bytes = await store.read(previewsKey(assetId));
  return bytes && previewsSchema.parse(JSON.parse(bytes.toString('utf8')));
}

/** Settles what there is to see. */
export async function writePreviews(
  store: Pick<MediaStore, 'write'>,
  assetId: string,
  previews: Previews,
): Promise<void> {
  await store.write(previewsKey(assetId), `${JSON.stringify(previewsSchema.parse(previews))}\n`);
}
