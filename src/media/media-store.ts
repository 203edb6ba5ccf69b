import type { Readable } from 'node:stream';
import { MediaError } from './media-error.ts';

/** Bytes `start`..`end`, both inclusive, as in an HTTP Range. */
export type ByteRange = { start: number; end: number };

/**
 * Where uploads, renditions and documents live. Keys look like `assets/a_1/asset.json`; every write is complete or
 * absent to readers, whatever dies. The whole store in one type: rooms ask for the few functions they use.
 */
export type MediaStore = {
  /** Null when there is nothing under this key. */
  read(key: string): Promise<Buffer | null>;
  /** Replaces what is there; on disk when it resolves. */
  write(key: string, bytes: Uint8Array | string): Promise<void>;
  /** Moves a local file in (a copy when the store is elsewhere); the local file is gone afterwards. */
  putFile(key: string, localPath: string): Promise<void>;
  /** False when the key exists already: of any number of writers exactly one gets true. */
  createExclusive(key: string, bytes: Uint8Array | string): Promise<boolean>;
  /** Keys one level below `prefix`, sorted; a deeper level shows once, as `prefix/name/`. */
  list(prefix: string): Promise<string[]>;
  /** Removes one key, or everything below it; removing nothing is fine. */
  remove(keyOrPrefix: string): Promise<void>;
  /** Null when there is nothing under this key; a range beyond the end is cut to it. */
  openRead(key: string, range?: ByteRange): Promise<{ stream: Readable; totalBytes: number } | null>;
  /** Bytes, or null when there is nothing under this key. */
  size(key: string): Promise<number | null>;
  /** A path ffmpeg can read; null where the store is not on this machine. */
  localPath(key: string): string | null;
};

/** Upload ids may begin with a dash; nothing may begin with a dot. */
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;

/** The key as it came, without a trailing slash; throws `invalid-key` for anything that could leave the store. */
export function checkKey(key: string): string {
  const trimmed = key.endsWith('/') ? key.slice(0, -1) : key;
  if (!trimmed.split('/').every((segment) => SEGMENT.test(segment))) {
    throw new MediaError(
      'invalid-key',
      `media store key must be segments of A-Z a-z 0-9 . _ - (got ${JSON.stringify(key)})`,
    );
  }
  return trimmed;
}
