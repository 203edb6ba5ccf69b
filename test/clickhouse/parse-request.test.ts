import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCredentials, parseRequest } from '../../src/clickhouse/parse-request.ts';

const parse = (search: string, headers = {}, method = 'POST') => {
  const parsed = parseRequest(method, new URLSearchParams(search), headers);
  if (parsed.kind === 'refused') throw parsed.exception;
  return parsed.request;
};

describe('parseRequest', () => {
  it('sorts parameters into fields, substitutions, settings and what only the server needs', () => {
    const request = parse(
      'query=SELECT+1&database=d&default_format=CSV&query_id=q&param_x=%5Ct&max_threads=2&wait_end_of_query=1&http_x=1&user=u',
    );
    expect(request).toEqual({
      query: 'SELECT 1',
      database: 'd',
      defaultFormat: 'CSV',
      queryId: 'q',
      params: new Map([['x', '\\t']]),
      settings: new Map([['max_threads', '2']]),
      answerCoding: null,
      protocolRevision: 0,
    });
  });

  it('falls back to headers, then to a server’s defaults', () => {
    const headers = { 'x-clickhouse-database': 'h', 'x-clickhouse-format': 'JSON' };
    expect(parse('', headers)).toMatchObject({ database: 'h', defaultFormat: 'JSON', queryId: null });
    expect(parse('')).toMatchObject({ database: 'default', defaultFormat: 'TabSeparated' });
  });

  it('makes every request but POST read only', () => {
    expect(parse('', {}, 'GET').settings).toEqual(new Map([['readonly', '2']]));
    expect(parse('readonly=1', {}, 'GET').settings).toEqual(new Map([['readonly', '1']]));
    expect(parse('').settings).toEqual(new Map());
  });

  it.each([
    ['gzip, deflate', 'gzip'],
    ['identity, deflate;q=0.5', 'deflate'],
    ['br', 'br'],
    ['zstd', null],
    [undefined, null],
  ])('compresses the answer for Accept-Encoding %j with %j', (accept, coding) => {
    const headers = accept === undefined ? {} : { 'accept-encoding': accept };
    expect(parse('enable_http_compression=1', headers).answerCoding).toBe(coding);
    expect(parse('', headers).answerCoding).toBeNull();
  });

  it.each(['session_id=s', 'role=admin', 'compress=1', 'decompress=1'])(
    'refuses %s rather than ignore it',
    (search) => {
      expect(() => parse(search)).toThrow(expect.objectContaining({ type: 'NOT_IMPLEMENTED' }));
    },
  );

  it('never lets a name into SQL that is not a plain word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string(), (name, value) => {
        const search = new URLSearchParams([[name, value]]).toString();
        const parsed = parseRequest('POST', new URLSearchParams(search), {});
        if (parsed.kind === 'refused') return;
        for (const key of [...parsed.request.settings.keys(), ...parsed.request.params.keys()]) {
          expect(key).toMatch(/^\w+$/);
        }
      }),
    );
    expect(() => parse('a%3D1,b=2')).toThrow(expect.objectContaining({ type: 'UNKNOWN_SETTING' }));
    expect(() => parse('default_format=CSV+X')).toThrow(expect.objectContaining({ type: 'UNKNOWN_FORMAT' }));
  });
});

describe('parseCredentials', () => {
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

  it.each([
    [basic('default:a:b'), '', { user: 'default', password: 'a:b' }],
    [basic(':p'), '', { user: 'default', password: 'p' }],
    [{ 'x-clickhouse-user': 'u', 'x-clickhouse-key': 'k' }, 'password=other', { user: 'u', password: 'k' }],
    [{}, 'user=u&password=p', { user: 'u', password: 'p' }],
    [{}, '', { user: 'default', password: '' }],
  ])('reads them from %j and %j', (headers, search, credentials) => {
    expect(parseCredentials(new URLSearchParams(search), headers)).toEqual(credentials);
  });
});
