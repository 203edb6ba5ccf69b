import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException, notImplemented } from './clickhouse-exception.ts';

/** Bytes read to find the statement in; more than the engine's own `max_query_size` (256 KiB). */
const HEAD_BYTES = 1024 * 1024;
const MAX_FORM_BYTES = 64 * 1024 * 1024;

/** The first bytes of what was sent and, unless `ended`, the rest. */
export type OpenedBody = { head: Buffer; ended: boolean; rest: AsyncIterator<Buffer> };

/** Decompresses a request's body; throws for a coding it does not know. */
export function decodeBody(request: IncomingMessage): Readable {
  const coding = request.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') return request;
  const decoder = decoderOf(coding);
  pipeline(request, decoder, () => {}); // its failure is also the decoder's, which the reader sees
  return decoder;
}

/** Reads up to 1 MiB of `prefix` + body. */
export async function openBody(prefix: string, body: Readable): Promise<OpenedBody> {
  const rest: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  const { bytes, ended } = await read(rest, Buffer.from(prefix), HEAD_BYTES);
  return { head: bytes, ended, rest };
}

/** Reads a whole form body; throws LIMIT_EXCEEDED beyond 64 MiB. */
export async function readForm(body: Readable): Promise<Buffer> {
  const { bytes, ended } = await read(body[Symbol.asyncIterator](), Buffer.alloc(0), MAX_FORM_BYTES);
  if (!ended) throw new ClickHouseException(290, 'LIMIT_EXCEEDED', `The form exceeds ${MAX_FORM_BYTES} bytes`);
  return bytes;
}

async function read(source: AsyncIterator<Buffer>, first: Buffer, limitBytes: number) {
  const chunks = [first];
  let size = first.length;
  try {
    while (size < limitBytes) {
      const next = await source.next();
      if (next.done === true) return { bytes: Buffer.concat(chunks), ended: true };
      chunks.push(next.value);
      size += next.value.length;
    }
  } catch (cause) {
    throw toBodyException(cause);
  }
  return { bytes: Buffer.concat(chunks), ended: false };
}

function decoderOf(coding: string) {
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip();
  if (coding === 'deflate') return createInflate();
  if (coding === 'br') return createBrotliDecompress();
  throw notImplemented(`Content-Encoding ${JSON.stringify(coding)} is not supported: use gzip, deflate or br`);
}

/** A body that could not be read or decompressed. */
export function toBodyException(cause: unknown): ClickHouseException {
  if (cause instanceof ClickHouseException) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ClickHouseException(354, 'ZLIB_INFLATE_FAILED', `Cannot read the request body: ${message}`, { cause });
}
