import type { IncomingHttpHeaders } from 'node:http';
import { ClickHouseException, notImplemented } from './clickhouse-exception.ts';
import { isEngineSetting, isSettingName, type Settings } from './settings.ts';

export type Credentials = { user: string; password: string };
export type ContentCoding = 'gzip' | 'deflate' | 'br';

/** What a request to ClickHouse's HTTP interface asks for beside its body. */
export type ClickHouseRequest = {
  /** SQL from the URL or form; the body then carries data or the rest of it. */
  query: string;
  database: string;
  defaultFormat: string;
  /** Null: the server makes one up. */
  queryId: string | null;
  settings: Settings;
  params: ReadonlyMap<string, string>;
  /** How the answer is to be compressed; null: not at all. */
  answerCoding: ContentCoding | null;
  /** Revision of the native protocol the client speaks; 0: plain. */
  protocolRevision: number;
};
export type ParsedRequest =
  | { kind: 'request'; request: ClickHouseRequest }
  | { kind: 'refused'; exception: ClickHouseException };

/** Parameters whose silent loss would change what a statement does. */
const UNSUPPORTED = new Map([
  ['session_id', 'HTTP sessions (session_id) are not kept by the embedded ClickHouse: send settings with each request'],
  ['role', 'Roles do not exist in the embedded ClickHouse'],
  ['compress', 'Native compression (compress=1) is not supported: use enable_http_compression=1'],
  ['decompress', 'Native compression (decompress=1) is not supported: use Content-Encoding: gzip'],
]);
const CODINGS: readonly ContentCoding[] = ['gzip', 'deflate', 'br'];
const WORD = /^\w+$/;

/** Reads the URL (with form fields merged in) and headers of one request. */
export function parseRequest(method: string, search: URLSearchParams, headers: IncomingHttpHeaders): ParsedRequest {
  const settings = new Map<string, string>();
  const params = new Map<string, string>();
  for (const [name, value] of search) {
    const unsupported = UNSUPPORTED.get(name);
    if (unsupported !== undefined && value !== '' && value !== '0') return refused(notImplemented(unsupported));
    const isParam = name.startsWith('param_');
    const key = isParam ? name.slice('param_'.length) : name;
    if (unsupported !== undefined || !(isParam || isEngineSetting(name))) continue;
    if (!isSettingName(key)) return refused(unknownSetting(name));
    (isParam ? params : settings).set(key, value);
  }
  // As on a server: what comes by GET can be a prefetch or a link, so it may not write.
  if (method !== 'POST' && !settings.has('readonly')) settings.set('readonly', '2');
  const defaultFormat = firstOf(search.get('default_format'), headers['x-clickhouse-format'], 'TabSeparated');
  if (!WORD.test(defaultFormat)) {
    return refused(new ClickHouseException(73, 'UNKNOWN_FORMAT', `Unknown format ${defaultFormat}`));
  }
  const request = {
    query: search.get('query') ?? '',
    database: firstOf(search.get('database'), headers['x-clickhouse-database'], 'default'),
    defaultFormat,
    queryId: search.get('query_id') || null,
    settings,
    params,
    answerCoding: search.get('enable_http_compression') === '1' ? acceptedCoding(headers['accept-encoding']) : null,
    protocolRevision: Number(search.get('client_protocol_version') ?? 0) || 0,
  };
  return { kind: 'request', request };
}

/** User and password from X-ClickHouse headers, Basic authorization or the URL; the `default` user when none is named. */
export function parseCredentials(search: URLSearchParams, headers: IncomingHttpHeaders): Credentials {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [user = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { user: user || 'default', password: password.join(':') };
  }
  return {
    user: firstOf(headers['x-clickhouse-user'], search.get('user'), 'default'),
    password: firstOf(headers['x-clickhouse-key'], search.get('password'), ''),
  };
}

function acceptedCoding(header: string | undefined): ContentCoding | null {
  const accepted = (header ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase());
  return CODINGS.find((coding) => accepted.includes(coding)) ?? null;
}

function firstOf(...values: (string | string[] | null | undefined)[]): string {
  for (const value of values) if (typeof value === 'string' && value !== '') return value;
  return '';
}

function unknownSetting(name: string): ClickHouseException {
  return new ClickHouseException(115, 'UNKNOWN_SETTING', `Unknown setting ${JSON.stringify(name)}`);
}

function refused(exception: ClickHouseException): ParsedRequest {
  return { kind: 'refused', exception };
}
