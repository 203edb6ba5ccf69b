import { createDirectoryStore } from './directory-store.ts';
import { createLandingStore, type LandingStore } from './landing-store.ts';
import { MediaError } from './media-error.ts';
import { type BucketOptions, openBucket } from './s3-bucket.ts';
import { createS3Store } from './s3-store.ts';

/** How to get at a bucket, and where uploads arrive before they are in it. */
export type BucketAccess = Omit<BucketOptions, 'bucket'> & {
  /** Holds `uploads/`. */
  landingDirectory: string;
};

/** Opens `NARA_MEDIA_STORE`: a directory, or `s3://BUCKET/PREFIX`; throws `unsupported-store` for anything else. */
export function openMediaStore(location: string, access: BucketAccess | null = null): LandingStore {
  const bucket = parseBucketLocation(location);
  if (bucket === null) return { ...createDirectoryStore(location), land: async () => {}, release: async () => {} };
  if (access === null) throw new MediaError('unsupported-store', `${location}: expected to be told how to get at it`);
  const { landingDirectory, ...options } = access;
  const remote = createS3Store(openBucket({ ...options, bucket: bucket.name }), bucket.prefix);
  return createLandingStore(remote, createDirectoryStore(landingDirectory));
}

/** The parts of `s3://BUCKET/PREFIX`; null for a directory. Throws `unsupported-store` for other object stores. */
function parseBucketLocation(location: string): { name: string; prefix: string } | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) return null;
  const [, name, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/.exec(location) ?? [];
  if (name !== undefined) return { name, prefix };
  throw new MediaError(
    'unsupported-store',
    `NARA_MEDIA_STORE: expected a directory or s3://BUCKET/PREFIX (got ${location})`,
  );
}
