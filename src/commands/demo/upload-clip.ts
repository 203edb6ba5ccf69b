import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Upload } from 'tus-js-client';
import type { DemoPlace } from './audience.ts';
import type { DemoClient } from './demo-client.ts';
import { type AssetReply, assetReplySchema } from './replies.ts';
import { waitUntil } from './wait-until.ts';

/** An upload was refused, or its asset failed; the message says why. */
export class UploadError extends Error {
  readonly code = 'demo.upload';
  override readonly name = 'UploadError';
}

/** Sends a file over tus as that place's owner; the id of the asset it becomes. Throws UploadError. */
export async function uploadClip(
  api: DemoClient,
  path: string,
  place: DemoPlace,
  signal: AbortSignal,
): Promise<string> {
  const uploadSize = (await stat(path)).size;
  return new Promise((resolve, reject) => {
    let assetId: string | undefined;
    const upload = new Upload(createReadStream(path), {
      endpoint: new URL('/v1/uploads', api.url).href,
      headers: { authorization: `Bearer ${api.key}` },
      metadata: { filename: basename(path), owner: place.owner, region: place.region, device: place.device },
      uploadSize,
      retryDelays: [200, 1000],
      onAfterResponse: (_request, response) => {
        assetId ??= response.getHeader('NARA-Asset-Id');
      },
      onError: (cause) =>
        reject(new UploadError(`the upload of ${basename(path)} failed: ${cause.message}`, { cause })),
      onSuccess: () => {
        if (assetId) resolve(assetId);
        else reject(new UploadError('the answer to the upload carries no NARA-Asset-Id'));
      },
    });
    signal.addEventListener('abort', () => upload.abort().finally(() => reject(signal.reason)), { once: true });
    upload.start();
  });
}

const ENCODE_TIMEOUT_MS = 240_000;

/** Polls the asset until every rung is there. Throws UploadError when it fails, DemoTimeoutError. */
export async function waitForComplete(
  api: DemoClient,
  assetId: string,
  options: { onPlayable: (asset: AssetReply) => void; signal: AbortSignal },
): Promise<AssetReply> {
  let announced = false;
  return waitUntil(
    async () => {
      const asset = await api.getJson(`/v1/assets/${assetId}`, assetReplySchema);
      if (asset.state === 'failed') throw new UploadError(`asset ${assetId} failed: ${asset.error?.message}`);
      if (!announced && asset.availability !== 'none') {
        announced = true;
        options.onPlayable(asset);
      }
      return asset.availability === 'complete' || asset.availability === 'upgraded' ? asset : null;
    },
    { what: `asset ${assetId} to be complete`, timeoutMs: ENCODE_TIMEOUT_MS, everyMs: 150, signal: options.signal },
  );
}

/** From the last byte of the upload, ms, by the service's clock; a rung that was ready before it counts as 0. */
export function encodeTimes({ timings }: AssetReply): { playableMs: number | null; completeMs: number | null } {
  const since = (at: string | null): number | null =>
    at === null || timings.uploadedAt === null ? null : Math.max(0, Date.parse(at) - Date.parse(timings.uploadedAt));
  return { playableMs: since(timings.playableAt), completeMs: since(timings.completeAt) };
}
