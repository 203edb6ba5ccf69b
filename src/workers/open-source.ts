import { join } from 'node:path';
import type { AssetDocument, AssetError } from '../domain/asset.ts';
import type { EncodeSource } from '../media/media-room.ts';
import type { SourceDetails } from '../media/plan/source-details.ts';
import { beginProbe } from '../media/probe-source.ts';
import { copySource } from '../media/source-copy.ts';
import { assetLog, type TranscodePorts } from './transcode-ports.ts';

/** The upload of an asset, probed; or why nothing can be made of it. */
export type OpenedSource = { kind: 'opened'; source: EncodeSource } | { kind: 'rejected'; error: AssetError };

const UPLOAD_MISSING: AssetError = {
  code: 'upload-missing',
  message: 'The uploaded file is no longer there.',
  action: 'Upload the file again.',
};

/** An upload of which the beginning is known; `finish` reads its end, too, and gives the verdict. */
export type BegunSource =
  | { kind: 'begun'; source: EncodeSource; finish(): Promise<OpenedSource> }
  | { kind: 'rejected'; error: AssetError };

/** Finds and probes an asset's upload. */
export async function openSource(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  signal: AbortSignal,
): Promise<OpenedSource> {
  const begun = await beginSource(ports, asset, signal);
  return begun.kind === 'rejected' ? begun : begun.finish();
}

/** Finds an asset's upload and looks at its beginning: `durationMs` is as declared until the verdict, 0 when it is not. */
export async function beginSource(
  ports: TranscodePorts,
  asset: AssetDocument & { uploadKey: string },
  signal: AbortSignal,
): Promise<BegunSource> {
  const { store, ffmpeg } = ports.media;
  const path = await localSource(ports, asset.uploadKey, signal);
  if (path === null || (await store.size(asset.uploadKey)) === null) {
    assetLog(ports, asset.id).warn({ uploadKey: asset.uploadKey }, 'uploaded file is missing');
    return { kind: 'rejected', error: UPLOAD_MISSING };
  }
  const probed = await beginProbe(ffmpeg, path, signal);
  if (probed.kind === 'rejected') return probed;
  const capabilities = await ffmpeg.warmUp();
  const sourceOf = (details: SourceDetails): EncodeSource => ({
    assetId: asset.id,
    uploadKey: asset.uploadKey,
    input: { path, details, capabilities },
  });
  return {
    kind: 'begun',
    source: sourceOf(probed.details),
    async finish() {
      const verdict = await probed.finish();
      if (verdict.kind === 'rejected') return verdict;
      const { kind: _, ...details } = verdict;
      return { kind: 'opened', source: sourceOf(details) };
    },
  };
}

/** Where ffmpeg can read it: in the store itself, or in a copy of what is stored elsewhere. */
async function localSource(ports: TranscodePorts, uploadKey: string, signal: AbortSignal): Promise<string | null> {
  const { store, workRoot } = ports.media;
  const path = store.localPath(uploadKey);
  if (path !== null) return path;
  return copySource(store, uploadKey, join(workRoot, 'sources'), { signal, nowMs: ports.clock.nowMs() });
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
