import type { AssetDocument, AssetError } from '../domain/asset.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';

/** The asset was deleted while it was being worked on: whatever runs for it stops, quietly. */
export class AssetRemovedError extends Error {
  readonly code = 'asset-removed';

  constructor(assetId: string) {
    super(`asset ${assetId} was removed`);
    this.name = 'AssetRemovedError';
  }
}

/** Applies `change` to the document as it is now, writes it and tells the world. Throws `AssetRemovedError`. */
export async function updateAsset(
  ports: TranscodePorts,
  assetId: string,
  change: (asset: AssetDocument) => AssetDocument,
): Promise<AssetDocument> {
  const current = await ports.assets.read(assetId);
  if (!current) throw new AssetRemovedError(assetId);
  const changed = change(current);
  if (!(await ports.assets.write(changed))) throw new AssetRemovedError(assetId);
  await ports.announce({ type: 'asset.changed', assetId }).catch((error: unknown) => {
    assetLog(ports, assetId).warn({ err: error }, 'change could not be announced');
  });
  return changed;
}

/** Now, as documents write it. */
export const timestamp = (ports: TranscodePorts): string => new Date(ports.clock.nowMs()).toISOString();

/**
 * Writes down why an asset got no further: `failed` when it cannot be played, otherwise an `error` beside what can. Quiet
 * when the asset is gone.
 */
export async function recordFailure(ports: TranscodePorts, assetId: string, error: AssetError): Promise<void> {
  await writeError(ports, assetId, error);
  assetLog(ports, assetId).warn({ error }, 'asset could not be encoded completely');
}

/** As `recordFailure`, for an upload nothing can be made of: that is the uploader's to mend, not the operator's. */
export async function recordRejection(ports: TranscodePorts, assetId: string, error: AssetError): Promise<void> {
  await writeError(ports, assetId, error);
  assetLog(ports, assetId).info({ code: error.code }, 'asset rejected');
}

async function writeError(ports: TranscodePorts, assetId: string, error: AssetError): Promise<void> {
  try {
    await updateAsset(ports, assetId, (asset) => ({
      ...asset,
      state: asset.availability === 'none' ? 'failed' : 'ready',
      error,
    }));
  } catch (caught) {
    if (!(caught instanceof AssetRemovedError)) throw caught;
  }
}

const DELETION_CHECK_MS = 2_000;

/** Runs `work` and aborts its signal when the asset is deleted meanwhile; then throws `AssetRemovedError`. */
export async function whileAssetExists<T>(
  ports: TranscodePorts,
  assetId: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const removed = new AbortController();
  const check = async (): Promise<void> => {
    const asset = await ports.assets.read(assetId).catch(() => undefined);
    if (asset === null) removed.abort();
  };
  const timer = setInterval(() => void check(), DELETION_CHECK_MS);
  try {
    return await work(AbortSignal.any([signal, removed.signal]));
  } catch (error) {
    throw removed.signal.aborted ? new AssetRemovedError(assetId) : error;
  } finally {
    clearInterval(timer);
  }
}
