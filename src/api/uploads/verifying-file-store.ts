import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { FileStore } from '@tus/file-store';
import type { Upload } from '@tus/server';
import { Problem } from '../problem.ts';
import type { StatedChecksum } from './stated-checksum.ts';

// Lifecycle of a chunk with a checksum: its bytes go straight into the upload's file, behind a mark (`ID.unverified`) that
// says where they begin. Its last buffer is held back until the sum is right, so a file only reaches its full size with
// verified bytes: nobody who goes by sizes takes a wrong upload for a whole one. A right sum removes the mark; a wrong one, or
// a sender who leaves, takes the bytes back first. A process killed in between leaves the mark, and whoever asks for
// the upload next takes them back then.

type Options = {
  directory: string;
  expirationPeriodInMilliseconds: number;
  /** What the request being served says of its body. */
  statedChecksum(): StatedChecksum | null;
  /** The body as it may be read. */
  paced(body: Readable, upload: Pick<Upload, 'id' | 'metadata'>): Readable;
};

/** Where the file at `path` notes how much of it is verified. */
export const unverifiedMarkOf = (path: string): string => `${path}.unverified`;

/** Uploads as files, with the tus checksum extension. Calls for one upload must not overlap: tus holds a lock. */
export class VerifyingFileStore extends FileStore {
  readonly #statedChecksum: Options['statedChecksum'];
  readonly #paced: Options['paced'];
  constructor({ statedChecksum, paced, ...options }: Options) {
    super(options);
    this.extensions = [...this.extensions, 'checksum'];
    this.#statedChecksum = statedChecksum;
    this.#paced = paced;
  }

  override async write(body: Readable, id: string, offset: number): Promise<number> {
    const stated = this.#statedChecksum();
    const readable = this.#paced(body, { id, metadata: (await this.configstore.get(id))?.metadata });
    if (stated === null) return super.write(readable, id, offset);
    const path = join(this.directory, id);
    const file = await open(path, 'r+');
    let end: number;
    try {
      end = await appendVerified(file, readable, { path, offset, stated });
    } catch (error) {
      await file.truncate(offset);
      await removeMark(path);
      throw error;
    } finally {
      await file.close();
    }
    await removeMark(path);
    return end;
  }

  override async getUpload(id: string): Promise<Upload> {
    const upload = await super.getUpload(id);
    const path = join(this.directory, id);
    const verifiedBytes = await readMark(path);
    if (verifiedBytes === null) return upload;
    // A whole file is a verified one: only removing the mark was left to do.
    if (upload.offset !== upload.size && verifiedBytes < upload.offset) {
      await truncate(path, verifiedBytes);
      upload.offset = verifiedBytes;
    }
    await removeMark(path);
    return upload;
  }

  override async remove(id: string): Promise<void> {
    await super.remove(id);
    await removeMark(join(this.directory, id));
  }
}

type Chunk = { path: string; offset: number; stated: StatedChecksum };

/** Answers where the chunk ends; throws 460, with bytes of it in the file, when it is not what was stated. */
async function appendVerified(file: FileHandle, readable: Readable, { path, offset, stated }: Chunk): Promise<number> {
  const hash = createHash(stated.algorithm);
  let end = offset;
  let heldBack: Buffer | null = null;
  for await (const buffer of readable as AsyncIterable<Buffer>) {
    if (buffer.length === 0) continue;
    hash.update(buffer);
    if (heldBack !== null) {
      if (end === offset) await writeFile(unverifiedMarkOf(path), `${offset}\n`, { flush: true });
      end = await writeAt(file, heldBack, end);
    }
    heldBack = buffer;
  }
  if (!hash.digest().equals(stated.digest)) {
    throw new Problem(460, 'upload.checksum', `The bytes received do not add up to the ${stated.algorithm} stated.`);
  }
  return heldBack === null ? end : writeAt(file, heldBack, end);
}

/** One write may take only a part. Answers where the bytes end. */
async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
  return position + written;
}

/** How many bytes are verified; null when all are. A mark cut short was never followed by a byte. */
async function readMark(path: string): Promise<number | null> {
  const text = await readFile(unverifiedMarkOf(path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  return /^\d+\n$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

const removeMark = (path: string): Promise<void> => rm(unverifiedMarkOf(path), { force: true });
