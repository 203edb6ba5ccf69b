import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import { type ClickHouseException, formatException, httpStatusOf } from './clickhouse-exception.ts';
import type { ContentCoding } from './parse-request.ts';
import { NO_PROGRESS, type ReplyHead, type Summary, toHeaders } from './reply-head.ts';

/** A body under way. `breakOff` ends it so that no client can take it for complete. */
export type ReplyBody = { out: Writable; finish(): void; breakOff(trailer: string): void };

/** A server's level for HTTP: more costs much and saves little. */
const COMPRESSION_LEVEL = 3;

/** Answers with a whole body. */
export function sendWhole(res: ServerResponse, head: ReplyHead, body: Uint8Array, summary: Summary): void {
  if (head.coding === null || body.length === 0) {
    res.writeHead(200, toHeaders({ ...head, coding: null }, summary)).end(body);
    return;
  }
  const begun = beginBody(res, head, summary);
  begun.out.write(body);
  begun.finish();
}

/** Answers with a failure, when nothing of an answer has been sent. */
export function sendException(res: ServerResponse, head: ReplyHead, exception: ClickHouseException): void {
  const headers = {
    ...toHeaders({ ...head, coding: null }, NO_PROGRESS),
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': exception.code,
  };
  res.writeHead(httpStatusOf(exception), headers).end(formatException(exception, head.facts.version));
}

/** Sends the head; the body follows, compressed when the client asked for it. */
export function beginBody(res: ServerResponse, head: ReplyHead, summary: Summary): ReplyBody {
  res.writeHead(200, toHeaders(head, summary));
  const cut = () => res.socket?.destroySoon();
  if (head.coding === null) {
    const breakOff = (trailer: string) => res.write(trailer, cut);
    return { out: res, finish: () => res.end(), breakOff };
  }
  const compressor = compressorOf(head.coding);
  let end: () => void = () => res.end();
  compressor.pipe(res, { end: false });
  compressor.once('end', () => end());
  res.once('close', () => compressor.destroy());
  return {
    out: compressor,
    finish: () => compressor.end(),
    breakOff: (trailer) => {
      end = cut;
      compressor.end(trailer);
    },
  };
}

function compressorOf(coding: ContentCoding) {
  if (coding === 'gzip') return createGzip({ level: COMPRESSION_LEVEL });
  if (coding === 'deflate') return createDeflate({ level: COMPRESSION_LEVEL });
  return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: COMPRESSION_LEVEL } });
}
