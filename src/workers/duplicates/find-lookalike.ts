import { createHash } from 'node:crypto';
import type { AssetDocument } from '../../domain/asset.ts';
import { readFingerprint, readSha256 } from '../../media/content-fingerprint.ts';
import type { MediaStore } from '../../media/media-store.ts';
import type { TranscodePorts } from '../transcode-ports.ts';

/**
 * The earliest other asset of the same owner whose upload looks the same. Every upload is written down under what its
 * bytes look like before it looks for others: of two that come at once, each sees the other and the earlier is the original.
 */
export async function findLookalike(
  { media, assets }: Pick<TranscodePorts, 'media' | 'assets'>,
  asset: AssetDocument & { uploadKey: string },
): Promise<AssetDocument | null> {
  const { store } = media;
  const fingerprint = await readFingerprint(store, asset.uploadKey);
  if (fingerprint === null) return null;
  // The owner is part of the name: nobody learns by uploading whether somebody else has the same file.
  const content = createHash('sha256').update(`${asset.owner}\n${fingerprint}`).digest('hex').slice(0, 32);
  await store.createExclusive(`duplicates/${content}/${asset.id}`, '');
  const ids = (await store.list(`duplicates/${content}`)).map((key) => key.slice(key.lastIndexOf('/') + 1));
  const others = await Promise.all(ids.filter((id) => id !== asset.id).map((id) => assets.read(id).catch(() => null)));
  const earlier = others
    .filter((other) => other !== null)
    .filter((other) => isUsable(other) && other.owner === asset.owner && comesBefore(other, asset));
  return earlier.sort((left, right) => (comesBefore(left, right) ? -1 : 1))[0] ?? null;
}

/** Whether two uploads are the same, byte for byte; false when one is no longer there. */
export async function haveSameBytes(
  store: Pick<MediaStore, 'size' | 'openRead'>,
  left: AssetDocument,
  right: AssetDocument,
): Promise<boolean> {
  const sums = await Promise.all([left, right].map(({ uploadKey }) => uploadKey && readSha256(store, uploadKey)));
  return sums[0] !== null && sums[0] === sums[1];
}

/** What failed, or got no further, is no help to anybody. */
const isUsable = ({ kind, state, error }: AssetDocument): boolean =>
  kind === 'hosted' && state !== 'uploading' && state !== 'failed' && error === undefined;

const comesBefore = (left: AssetDocument, right: AssetDocument): boolean =>
  left.createdAt < right.createdAt || (left.createdAt === right.createdAt && left.id < right.id);
