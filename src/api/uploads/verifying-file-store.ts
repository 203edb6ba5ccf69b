import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { FileStore } from '@tus/file-store';
import type { Upload } from '@tus/server';
import { Problem } from '../problem.ts';
import { diskFull } from './disk-budget.ts';
import { inPieces } from './in-pieces.ts';
import type { Intake } from './intake.ts';
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
  /** What a body of this upload passes on its way. */
  intakeOf(upload: Pick<Upload, 'id' | 'metadata' | 'offset'>): Intake;
  /** Throws 507 when there is no room for an upload whose length is known only now. */
  promiseRoom(uploadId: string, declaredBytes: number): Promise<void>;
};

/** Where the file at `path` notes how much of it is verified. */
export const unverifiedMarkOf = (path: string): string => `${path}.unverified`;

/** Uploads as files, with the tus checksum extension. Calls for one upload must not overlap: tus holds a lock. */
export class VerifyingFileStore extends FileStore {
  readonly #ports: Omit<Options, 'directory' | 'expirationPeriodInMilliseconds'>;

  constructor({ directory, expirationPeriodInMilliseconds, ...ports }: Options) {
    super({ directory, expirationPeriodInMilliseconds });
    this.extensions = [...this.extensions, 'checksum'];
    this.#ports = ports;
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const stated = this.#ports.statedChecksum();
    const intake = this.#ports.intakeOf({ id, offset, metadata: (await this.configstore.get(id))?.metadata });
    const path = join(this.directory, id);
    const file = await open(path, 'r+');
    try {
      const pieces = admitted(readable, intake);
      if (stated === null) return await append(file, pieces, offset);
      return await appendOrTakeBack(file, pieces, { path, offset, stated });
    } catch (error) {
      throw isDiskFull(error) ? diskFull(null) : error;
    } finally {
      await file.close();
    }
  }

  override async declareUploadLength(id: string, declaredBytes: number): Promise<void> {
    await this.#ports.promiseRoom(id, declaredBytes);
    await super.declareUploadLength(id, declaredBytes);
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

/** What one read of a socket brings: each piece makes room for one. */
const PIECE_BYTES = 64 * 1024;

type Chunk = { path: string; offset: number; stated: StatedChecksum };

/** Pieces as they may be written; the next is read when the one before was, and its sender may go on. */
async function* admitted(body: Readable, intake: Intake): AsyncGenerator<Buffer> {
  for await (const piece of inPieces(body, PIECE_BYTES)) {
    await intake.admit();
    yield piece;
    await intake.took(piece.length);
  }
}

/** Answers where the pieces end. */
async function append(file: FileHandle, pieces: AsyncIterable<Buffer>, offset: number): Promise<number> {
  let end = offset;
  for await (const piece of pieces) end = await writeAt(file, piece, end);
  return end;
}

async function appendOrTakeBack(file: FileHandle, pieces: AsyncIterable<Buffer>, chunk: Chunk): Promise<number> {
  const end = await appendVerified(file, pieces, chunk).catch(async (error: unknown) => {
    await file.truncate(chunk.offset);
    await removeMark(chunk.path);
    throw error;
  });
  await removeMark(chunk.path);
  return end;
}

/** Answers where the chunk ends; throws 460, with bytes of it in the file, when it is not what was stated. */
async function appendVerified(file: FileHandle, pieces: AsyncIterable<Buffer>, chunk: Chunk): Promise<number> {
  const { path, offset, stated } = chunk;
  const hash = createHash(stated.algorithm);
  let end = offset;
  let heldBack: Buffer | null = null;
  for await (const piece of pieces) {
    hash.update(piece);
    if (heldBack !== null) {
      if (end === offset) await writeFile(unverifiedMarkOf(path), `${offset}\n`, { flush: true });
      end = await writeAt(file, heldBack, end);
    }
    heldBack = piece;
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

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

const removeMark = (path: string): Promise<void> => rm(unverifiedMarkOf(path), { force: true });
