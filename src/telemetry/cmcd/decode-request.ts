import { CMCD_HEADER_FIELDS, CMCD_PARAM } from '@svta/cml-cmcd';
import { type CmcdReport, unreadable } from './cmcd-report.ts';
import { MAX_REPORT_CHARACTERS, parseStructuredFields } from './decode-body.ts';
import { readMediaPath } from './media-path.ts';
import { type CmcdDictionary, readFields } from './read-fields.ts';
import { toEvents } from './to-events.ts';

/** A request for a manifest or segment, as node:http shows it; headers by lower-case name, `url` with or without host. */
export type MediaRequest = {
  url: string;
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  receivedAtMs: number;
};

const HEADERS = CMCD_HEADER_FIELDS.map((name) => name.toLowerCase());
const QUERY = new RegExp(`[?&]${CMCD_PARAM}=`);

/** Whether a request carries CMCD at all: cheap enough for every segment request. */
export function carriesCmcd({ url, headers }: Pick<MediaRequest, 'url' | 'headers'>): boolean {
  return QUERY.test(url) || HEADERS.some((name) => headers[name] !== undefined);
}

/**
 * CTA-5004 (v1) and CTA-5004-B (v2) request mode, from `?CMCD=` or the four CMCD headers; null when there is neither. The
 * path's asset and rendition are believed over `cid`. Never throws.
 */
export function decodeCmcdRequest(request: MediaRequest): CmcdReport | null {
  const shards = shardsOf(request);
  if (shards.length === 0) return null;
  const text = shards.join(',');
  if (text.length > MAX_REPORT_CHARACTERS) {
    return unreadable('cmcd1', `at most ${MAX_REPORT_CHARACTERS} characters of CMCD`, `${text.length} characters`);
  }
  const keys = dictionaryOf(shards);
  if (keys === undefined) return unreadable('cmcd1', 'a structured-field dictionary of CMCD keys', text);
  const fields = readFields(keys);
  const source = fields.version >= 2 ? 'cmcd2-request' : 'cmcd1';
  const path = readMediaPath(request.url);
  return toEvents(fields, { source, text, path, receivedAtMs: request.receivedAtMs });
}

function shardsOf({ url, headers }: MediaRequest): string[] {
  const query = url.indexOf('?') < 0 ? null : new URLSearchParams(url.slice(url.indexOf('?'))).get(CMCD_PARAM);
  const fromHeaders = HEADERS.flatMap((name) => headers[name] ?? []);
  return [query, ...fromHeaders].filter((shard): shard is string => typeof shard === 'string' && shard.trim() !== '');
}

function dictionaryOf(shards: readonly string[]): CmcdDictionary | undefined {
  const parts = shards.map(parseStructuredFields);
  return parts.includes(undefined) ? undefined : Object.assign({}, ...parts);
}
