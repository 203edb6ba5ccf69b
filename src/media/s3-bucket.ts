import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { MediaError } from './media-error.ts';
import type { ByteRange } from './media-store.ts';

// Lifecycle: connections open as they are needed and close when they are idle. An object appears whole or not at all (a multipart
// upload when it is completed); what a killed process began is removed by the bucket's own rule for such uploads.

/** Where a bucket is, and who we are there. */
export type BucketOptions = {
  bucket: string;
  region: string;
  /** Null: Amazon's own. Others are addressed by path, as all of them understand. */
  endpoint: string | null;
  /** Null: what the machine's role allows. */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null;
};

/** Objects of one bucket by their full keys. */
export type Bucket = {
  /** Null when there is none; a range that begins beyond the end is empty. */
  get(key: string, range?: ByteRange): Promise<{ body: Readable | null; totalBytes: number } | null>;
  put(key: string, bytes: Uint8Array | string): Promise<void>;
  /** In parts, so that no file is too large and few of them are in memory. */
  putFile(key: string, path: string): Promise<void>;
  /** False when the key is taken. */
  putNew(key: string, bytes: Uint8Array | string): Promise<boolean>;
  size(key: string): Promise<number | null>;
  remove(keys: readonly string[]): Promise<void>;
  /** All keys that begin with `prefix`, page by page; with a delimiter deeper ones once, up to and with it. */
  list(prefix: string, delimiter?: string): AsyncGenerator<string[]>;
};

const PART_BYTES = 8 * 1024 ** 2;
const MAX_PARTS = 10_000;
const PARTS_AT_ONCE = 3;
/** What DeleteObjects takes. */
const KEYS_PER_DELETE = 1_000;
/** Two creators at the same instant: one is told to come again, and finds it taken then. */
const CONFLICT_TRIES = 5;

/** Opens a bucket; nothing is sent before the first call. */
export function openBucket({ bucket, region, endpoint, credentials }: BucketOptions): Bucket {
  const client = new S3Client({
    region,
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    // Others than Amazon often refuse checksums that they do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const at = (key: string) => ({ Bucket: bucket, Key: key });

  async function putNew(key: string, bytes: Uint8Array | string, triesLeft = CONFLICT_TRIES): Promise<boolean> {
    try {
      await client.send(new PutObjectCommand({ ...at(key), Body: Buffer.from(bytes), IfNoneMatch: '*' }));
      return true;
    } catch (error) {
      if (hasStatus(error, 412)) return false;
      if (hasStatus(error, 409) && triesLeft > 0) return putNew(key, bytes, triesLeft - 1);
      throw error;
    }
  }

  async function size(key: string): Promise<number | null> {
    const found = await orMissing(client.send(new HeadObjectCommand(at(key))));
    return found && (found.ContentLength ?? 0);
  }

  return {
    size,
    putNew,
    async get(key, range) {
      try {
        const wanted = range && { Range: `bytes=${range.start}-${range.end}` };
        const found = await orMissing(client.send(new GetObjectCommand({ ...at(key), ...wanted })));
        return found && { body: found.Body as Readable, totalBytes: totalBytesOf(found) };
      } catch (error) {
        if (!hasStatus(error, 416)) throw error;
        return { body: null, totalBytes: (await size(key)) ?? 0 };
      }
    },
    async put(key, bytes) {
      await client.send(new PutObjectCommand({ ...at(key), Body: Buffer.from(bytes) }));
    },
    async putFile(key, path) {
      const { size: bytes } = await stat(path);
      const partSize = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));
      const params = { ...at(key), Body: createReadStream(path) };
      await new Upload({ client, params, partSize, queueSize: PARTS_AT_ONCE }).done();
    },
    async remove(keys) {
      for (let begin = 0; begin < keys.length; begin += KEYS_PER_DELETE) {
        const Objects = keys.slice(begin, begin + KEYS_PER_DELETE).map((Key) => ({ Key }));
        const { Errors } = await client.send(
          new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        );
        const [failed] = Errors ?? [];
        if (failed) throw new MediaError('store-failed', `${failed.Key} was not removed: ${failed.Message}`);
      }
    },
    async *list(prefix, delimiter) {
      const query = { Bucket: bucket, Prefix: prefix, ...(delimiter === undefined ? {} : { Delimiter: delimiter }) };
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ ...query, ...(ContinuationToken === undefined ? {} : { ContinuationToken }) }),
        );
        yield [
          ...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
          ...(page.Contents ?? []).map(({ Key = '' }) => Key),
        ];
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    },
  };
}

/** Of a part, its place in the whole says how large that is: `bytes 2-4/10`. */
function totalBytesOf(found: { ContentRange?: string | undefined; ContentLength?: number | undefined }): number {
  const total = found.ContentRange?.split('/')[1];
  return total === undefined ? (found.ContentLength ?? 0) : Number(total);
}

async function orMissing<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (error) {
    if (hasStatus(error, 404)) return null;
    throw error;
  }
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === status;
}
