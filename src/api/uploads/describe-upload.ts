import { type AssetDocument, ownerSchema, UNKNOWN_CONTEXT } from '../../domain/index.ts';
import { readStatedContext } from '../request-context.ts';

const MAX_FILENAME_LENGTH = 255;

/** What tus metadata says of the asset-to-be. Names are a stranger's text: cleaned, cut to size, never used as a path. */
export function describeUpload(
  metadata: Record<string, string | null>,
): Pick<AssetDocument, 'owner' | 'filename' | 'context'> {
  const owner = ownerSchema.safeParse(printable(metadata.owner ?? ''));
  return {
    owner: owner.success ? owner.data : 'anonymous',
    filename: printable(metadata.filename ?? '').slice(0, MAX_FILENAME_LENGTH) || 'untitled',
    context: { ...UNKNOWN_CONTEXT, ...readStatedContext(metadata) },
  };
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, '').trim();
}
