import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** How far an upload has come. */
export type Arrival = {
  /** From the beginning, bytes that are there for good: a chunk whose checksum is still out does not count. */
  verifiedBytes: number;
  /** Null until its length is declared. */
  declaredBytes: number | null;
};

/** Every declared byte is there. */
export const isWhole = ({ verifiedBytes, declaredBytes }: Arrival): boolean => verifiedBytes === declaredBytes;

const POLL_MS = 100;
const READ_BYTES = 256 * 1024;

/** How far the upload at `path` has come; null when there is no such file. */
export async function readArrival(path: string): Promise<Arrival | null> {
  // In this order: a chunk's mark is there before its bytes and goes after they were judged, so what a size shows before or
  // after the mark is not there is verified, and bytes that were taken back in between are missing from the second size.
  const before = await sizeOf(path);
  const unverifiedFrom = await readMark(path);
  const after = await sizeOf(path);
  if (before === null || after === null) return null;
  const declaredBytes = await readDeclared(path);
  const size = Math.min(before, after);
  // A file only reaches its full size with verified bytes.
  return { verifiedBytes: size === declaredBytes ? size : Math.min(size, unverifiedFrom), declaredBytes };
}

/** The first verified bytes of the upload at `path`, at most `limitBytes`. */
export async function readArrived(path: string, limitBytes: number): Promise<Buffer> {
  const arrival = await readArrival(path);
  return readPart(path, 0, Math.min(limitBytes, arrival?.verifiedBytes ?? 0));
}

/**
 * The bytes of an upload in order, as they arrive, until the last declared one. Ends early when nothing came for
 * `idleLimitMs`: `onEnd` tells which it was. Throws `AbortError`.
 */
export async function* followUpload(
  path: string,
  options: { signal: AbortSignal; idleLimitMs: number; onEnd(end: 'whole' | 'stalled'): void },
): AsyncGenerator<Buffer> {
  let position = 0;
  let lastByteAtMs = performance.now();
  for (;;) {
    options.signal.throwIfAborted();
    const arrival = await readArrival(path);
    const available = (arrival?.verifiedBytes ?? 0) - position;
    if (available > 0) {
      const bytes = await readPart(path, position, Math.min(available, READ_BYTES));
      position += bytes.length;
      yield bytes;
      // A reader that was busy has not waited for the uploader.
      lastByteAtMs = performance.now();
      continue;
    }
    if (arrival !== null && isWhole(arrival)) return options.onEnd('whole');
    // Gone, or shorter than what was read: it is not the same upload any more.
    if (arrival === null || available < 0 || performance.now() - lastByteAtMs > options.idleLimitMs) {
      return options.onEnd('stalled');
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

async function readPart(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | null> {
  return (await orMissing(stat(path)))?.size ?? null;
}

/** Where a chunk whose checksum is still out begins; a mark cut short was never followed by a byte. */
async function readMark(path: string): Promise<number> {
  const text = await orMissing(readFile(`${path}.unverified`, 'utf8'));
  return text !== null && /^\d+\n$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
}

const infoSchema = z.object({ size: z.int().positive() });

async function readDeclared(path: string): Promise<number | null> {
  const text = await orMissing(readFile(`${path}.json`, 'utf8'));
  try {
    return infoSchema.parse(JSON.parse(text ?? '')).size;
  } catch {
    return null;
  }
}

async function orMissing<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
