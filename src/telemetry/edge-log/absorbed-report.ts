import type { TelemetryEvent } from '../../domain/index.ts';
import type { CmcdSource } from '../cmcd/cmcd-report.ts';
import { decodeCmcdRequest } from '../cmcd/decode-request.ts';
import type { EdgeLogFormat, EdgeRequest } from './edge-request.ts';
import { parseCombinedLine } from './parse-combined-line.ts';
import { parseJsonLine } from './parse-json-line.ts';

/**
 * What the edge answered out of its cache. All else went on to us and was reported when it arrived: MISS, BYPASS, EXPIRED,
 * and REVALIDATED, which asks whether the cached copy still stands. UPDATING may have gone on as well; what is read twice is
 * the same event.
 */
const ABSORBED = new Set(['HIT', 'STALE', 'UPDATING']);

/** What one line of an edge's log tells. */
export type LineReading =
  | { kind: 'report'; source: CmcdSource; events: TelemetryEvent[]; request: EdgeRequest }
  /** Of no use: it went on to us, it failed, it is no GET, or its player hung no CMCD on it. */
  | { kind: 'passed-on' | 'not-served' | 'without-cmcd' }
  /** CMCD that cannot be read or is nobody's (`anonymous`), or a line that is no line of this format (`unparsable`). */
  | { kind: 'unusable-cmcd' | 'anonymous' | 'unparsable'; expected: string; received: string };

const EXAMPLE_CHARACTERS = 120;

/** Reads a line; without a format it is told by looking. Never throws. */
export function readEdgeLogLine(line: string, format?: EdgeLogFormat): LineReading {
  const isJson = format === undefined ? line.startsWith('{') : format === 'nginx-json';
  const parsed = isJson ? parseJsonLine(line) : parseCombinedLine(line);
  if (parsed.kind === 'unreadable')
    return {
      kind: 'unparsable',
      expected: parsed.expected,
      received: line.slice(0, EXAMPLE_CHARACTERS).toWellFormed(),
    };
  return readRequest(parsed.request);
}

function readRequest(request: EdgeRequest): LineReading {
  if (!ABSORBED.has(request.cache)) return { kind: 'passed-on' };
  if (request.method !== 'GET' || request.status >= 400) return { kind: 'not-served' };
  const report = decodeCmcdRequest({ url: request.uri, headers: request.headers, receivedAtMs: request.atMs });
  if (report === null) return { kind: 'without-cmcd' };
  if (report.kind === 'events') return { kind: 'report', source: report.source, events: report.events, request };
  const { code, expected, received } = report;
  return { kind: code === 'report.anonymous' ? 'anonymous' : 'unusable-cmcd', expected, received };
}
