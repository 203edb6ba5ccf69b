import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type AssetDocument, assetIdSchema, type Context, ownerSchema, UNKNOWN_CONTEXT } from '../../domain/index.ts';
import { readStatedContext } from '../request-context.ts';

const MAX_FILENAME_LENGTH = 255;
/** In tus metadata, written by us at creation: which asset an upload becomes. Whatever a client sends under it is replaced. */
export const ASSET_KEY = 'nara-asset-id';

type Metadata = Record<string, string | null>;

/** Which asset an upload becomes, and where its uploader says it is. */
export type UploadAbout = { assetId: string; stated: Context };

/** What tus metadata says of the asset-to-be. Names are a stranger's text: cleaned, cut to size, never used as a path. */
export function describeUpload(metadata: Metadata): Pick<AssetDocument, 'owner' | 'filename' | 'context'> {
  const owner = ownerSchema.safeParse(printable(metadata.owner ?? ''));
  return {
    owner: owner.success ? owner.data : 'anonymous',
    filename: cut(printable(metadata.filename ?? ''), MAX_FILENAME_LENGTH) || 'untitled',
    context: { ...UNKNOWN_CONTEXT, ...readStatedContext(metadata) },
  };
}

const infoSchema = z.object({
  metadata: z.record(z.string(), z.string().nullable()).and(z.object({ [ASSET_KEY]: assetIdSchema })),
});

/** What is written beside an upload of the asset it becomes; null when there is no such upload. */
export async function readUploadAbout(directory: string, uploadId: string): Promise<UploadAbout | null> {
  try {
    const { metadata } = infoSchema.parse(JSON.parse(await readFile(join(directory, `${uploadId}.json`), 'utf8')));
    return { assetId: metadata[ASSET_KEY], stated: describeUpload(metadata).context };
  } catch {
    return null;
  }
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}]/gu, '').trim();
}

/** By whole characters. */
function cut(text: string, characters: number): string {
  return text.length <= characters ? text : [...text].slice(0, characters).join('').trim();
}
