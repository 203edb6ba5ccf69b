import type { AssetDocument, AssetError } from '../domain/asset.ts';
import type { EncodeSource } from '../media/media-room.ts';
import { probeSource } from '../media/probe-source.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';

/** The upload of an asset, probed; or why nothing can be made of it. */
export type OpenedSource = { kind: 'opened'; source: EncodeSource } | { kind: 'rejected'; error: AssetError };

const UPLOAD_MISSING: AssetError = {
  code: 'upload-missing',
  message: 'The uploaded file is no longer there.',
  action: 'Upload the file again.',
};

/** Finds and probes an asset's upload. */
export async function openSource(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  signal: AbortSignal,
): Promise<OpenedSource> {
  const { store, ffmpeg } = ports.media;
  const path = store.localPath(asset.uploadKey);
  if (path === null || (await store.size(asset.uploadKey)) === null) {
    assetLog(ports, asset.id).warn({ uploadKey: asset.uploadKey }, 'uploaded file is missing');
    return { kind: 'rejected', error: UPLOAD_MISSING };
  }
  const probed = await probeSource(ffmpeg, path, signal);
  if (probed.kind === 'rejected') return probed;
  const { kind: _, ...details } = probed;
  const input = { path, details, capabilities: await ffmpeg.warmUp() };
  return { kind: 'opened', source: { assetId: asset.id, uploadKey: asset.uploadKey, input } };
}

/** Whether workers have anything to do for an asset: hosted here, not failed, not yet complete. */
export function isEncodable(asset: AssetDocument): asset is AssetDocument & { uploadKey: string } {
  return (
    asset.kind === 'hosted' &&
    asset.uploadKey !== null &&
    asset.state !== 'failed' &&
    (asset.availability === 'none' || asset.availability === 'playable')
  );
}
