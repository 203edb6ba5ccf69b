import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { MediaError } from './media-error.ts';
import { checkKey, type MediaStore } from './media-store.ts';
import type { Bucket } from './s3-bucket.ts';

/** Beside our keys, none of which begin with a dot. */
const PROBE = '.exclusive-probe';

/** A media store in a bucket, below `prefix`, shared by any number of machines. */
export function createS3Store(bucket: Bucket, prefix: string): MediaStore {
  const root = prefix === '' ? '' : `${checkKey(prefix)}/`;
  const objectOf = (key: string): string => `${root}${checkKey(key)}`;
  let conditionsHold: Promise<void> | null = null;

  /** Without conditions two hosts could both publish policy version 8, and each would believe that it had. */
  function requireConditions(): Promise<void> {
    conditionsHold ??= proveConditions(bucket, `${root}${PROBE}`).catch((error) => {
      conditionsHold = null;
      throw error;
    });
    return conditionsHold;
  }

  return {
    async read(key) {
      const found = await bucket.get(objectOf(key));
      return found && (found.body === null ? Buffer.alloc(0) : buffer(found.body));
    },
    write: async (key, bytes) => bucket.put(objectOf(key), bytes),
    async putFile(key, localPath) {
      await bucket.putFile(objectOf(key), localPath);
      await rm(localPath, { force: true });
    },
    async createExclusive(key, bytes) {
      const object = objectOf(key);
      await requireConditions();
      return bucket.putNew(object, bytes);
    },
    async list(prefixKey) {
      const parent = prefixKey === '' ? root : `${objectOf(prefixKey)}/`;
      const keys: string[] = [];
      for await (const page of bucket.list(parent, '/')) keys.push(...page);
      return keys
        .filter((key) => key !== parent && !key.startsWith('.', parent.length))
        .map((key) => key.slice(root.length))
        .sort();
    },
    async remove(keyOrPrefix) {
      const object = objectOf(keyOrPrefix);
      await bucket.remove([object]);
      for await (const page of bucket.list(`${object}/`)) await bucket.remove(page);
    },
    async openRead(key, range) {
      const found = await bucket.get(objectOf(key), range);
      return found && { stream: found.body ?? Readable.from([]), totalBytes: found.totalBytes };
    },
    size: async (key) => bucket.size(objectOf(key)),
    localPath(key) {
      checkKey(key);
      return null;
    },
  };
}

async function proveConditions(bucket: Bucket, object: string): Promise<void> {
  await bucket.put(object, 'does this store refuse to create what is there?');
  if (!(await bucket.putNew(object, 'it does not'))) return;
  throw new MediaError(
    'unsupported-store',
    'NARA_MEDIA_STORE: expected an object store that honours If-None-Match: * on PUT, as S3 does (it was ignored)',
  );
}
