import { createDirectoryStore } from './directory-store.ts';
import { MediaError } from './media-error.ts';
import type { MediaStore } from './media-store.ts';

/** Opens `NARA_MEDIA_STORE`: a directory; throws `unsupported-store` for anything else. */
export function openMediaStore(location: string): MediaStore {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) {
    throw new MediaError(
      'unsupported-store',
      `NARA_MEDIA_STORE must be a directory: s3:// and other object stores are not supported yet (got ${location})`,
    );
  }
  return createDirectoryStore(location);
}
