import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Problem } from '../problem.ts';

/** Bytes allowed on the wire and after decompression. */
export type BodyLimits = { maxBytes: number };

const DECODERS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * The whole body, decompressed. Throws a 413 Problem as soon as either size is over the limit, so that neither a large body nor a
 * small one that unpacks to a large one is ever held; 415 for an unknown encoding, 400 for a broken one.
 */
export function readBody(request: IncomingMessage, { maxBytes }: BodyLimits): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes, 'body'));
  return encoding === 'identity' ? collect(request, maxBytes, 'body') : decompress(request, encoding, maxBytes);
}

async function decompress(request: IncomingMessage, encoding: string, maxBytes: number): Promise<Buffer> {
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined) {
    const expected = [...DECODERS.keys()].join(', ');
    throw new Problem(415, 'body.encoding', `Content-Encoding: expected ${expected} (got ${encoding.slice(0, 40)}).`);
  }
  let wireBytes = 0;
  request.on('data', (chunk: Buffer) => {
    wireBytes += chunk.length;
    if (wireBytes > maxBytes) decoder.destroy(tooLarge(maxBytes, 'compressed body'));
  });
  request.once('error', (error) => decoder.destroy(error));
  request.once('aborted', () => decoder.destroy(aborted()));
  request.pipe(decoder);
  try {
    return await collect(decoder, maxBytes, 'decompressed body');
  } catch (error) {
    request.unpipe(decoder);
    // A megabyte may unpack to a terabyte: what has been handed over must not be unpacked to its end.
    decoder.destroy();
    throw error instanceof Problem ? error : new Problem(400, 'body.encoding', `The body is not valid ${encoding}.`);
  }
}

function collect(stream: NodeJS.ReadableStream, maxBytes: number, what: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        stream.removeAllListeners('data');
        reject(tooLarge(maxBytes, what));
        return;
      }
      chunks.push(chunk);
    });
    stream.on('end', () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)));
    stream.on('error', reject);
    stream.on('aborted', () => reject(aborted()));
  });
}

function tooLarge(maxBytes: number, what: string): Problem {
  return new Problem(
    413,
    'body.too-large',
    `The ${what}: expected at most ${maxBytes} bytes (got more); send smaller batches.`,
  );
}

/** Nobody is there any more to read this. */
function aborted(): Problem {
  return new Problem(400, 'body.aborted', 'The request ended before its body did.');
}
