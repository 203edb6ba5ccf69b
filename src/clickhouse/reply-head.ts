import type { OutgoingHttpHeaders } from 'node:http';
import type { EngineFacts } from './open-engine.ts';
import type { ContentCoding } from './parse-request.ts';

/** What the head of an answer says. */
export type ReplyHead = {
  facts: EngineFacts;
  queryId: string;
  format: string;
  coding: ContentCoding | null;
  /** 16 characters that mark an exception in a body already begun. */
  exceptionTag: string;
};
/** Progress as the client sees it. The engine counts rows of results and of landed inserts, not rows scanned. */
export type Summary = {
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
  elapsedSeconds: number;
};

export const NO_PROGRESS: Summary = { readRows: 0, readBytes: 0, writtenRows: 0, writtenBytes: 0, elapsedSeconds: 0 };

const CONTENT_TYPES: readonly [RegExp, string][] = [
  [/^(JSON\w*EachRow|NDJSON|JSONLines)/, 'application/x-ndjson; charset=UTF-8'],
  [/^JSON/, 'application/json; charset=UTF-8'],
  [/^(TabSeparated|TSV)/, 'text/tab-separated-values; charset=UTF-8'],
  [/^CSV/, 'text/csv; charset=UTF-8'],
  [/^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack)/, 'application/octet-stream'],
];

/** ClickHouse's headers of an answer in `head.format`. */
export function toHeaders(head: ReplyHead, summary: Summary): OutgoingHttpHeaders {
  return {
    'content-type': CONTENT_TYPES.find(([names]) => names.test(head.format))?.[1] ?? 'text/plain; charset=UTF-8',
    'x-clickhouse-server-display-name': headerValue(head.facts.displayName),
    'x-clickhouse-query-id': headerValue(head.queryId),
    'x-clickhouse-format': head.format,
    'x-clickhouse-timezone': head.facts.timezone,
    'x-clickhouse-exception-tag': head.exceptionTag,
    'x-clickhouse-summary': summaryHeader(summary),
    ...(head.coding === null ? {} : { 'content-encoding': head.coding }),
  };
}

function summaryHeader(summary: Summary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: String(summary.writtenBytes),
    total_rows_to_read: '0',
    result_rows: String(summary.readRows),
    result_bytes: String(summary.readBytes),
    elapsed_ns: String(Math.round(summary.elapsedSeconds * 1e9)),
  });
}

function headerValue(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
