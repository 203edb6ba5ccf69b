import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import type { Rng } from '../../../../src/domain/index.ts';
import { SESSION, type Seed } from './seeds.ts';

/** A request that may be anything; `isSound` where its encoding and size are as they should be. */
export type Mutant = Seed & { isSound: boolean; mutations: string[] };

const STRINGS = [
  '',
  ' ',
  '\\u0000',
  '\\ud800',
  '\\udfff\\ud800',
  '\u0000',
  '__proto__',
  'constructor',
  'a'.repeat(65),
  'é'.repeat(64),
  '🙂'.repeat(40),
  'x'.repeat(9_000),
  '9999-12-31T23:59:59.999Z',
  '0000-01-01T00:00:00Z',
  '1969-12-31T23:59:59.999-14:00',
  '2026-02-30T12:00:00.000Z',
  '2026-03-01T12:00Z',
  '2026-03-01T12:00:00.123456789+23:59',
  'ZZ',
  'ß',
  'EU-NORTH',
  '\\n\\r\\t\\b\\f\\"\\\\\\/',
  "'; DROP TABLE events; --",
  '\u2028\u202e\ufeff',
] as const;
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1e400',
  '-1e400',
  '1e-400',
  '5e-324',
  '1e-7',
  '0.1',
  '604800000',
  '604800000.1',
  '604799999.9999999',
  '4294967295',
  '4294967296',
  '999999999',
  '1e9',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551616',
  '123456789012345678901234567890',
  '1.7976931348623157e308',
  '3.4e38',
  '9999999.999999999',
  '00',
  '0x10',
  'NaN',
  'Infinity',
] as const;
const OTHERS = [
  'null',
  'true',
  'false',
  '{}',
  '[]',
  '[[]]',
  '{"value":1}',
  '?1',
  '?0',
  ':YQ==:',
  '(1;v 2;a)',
  '@1',
  '%',
];
const KEYS = ['__proto__', 'constructor', 'toString', 'events', 'type', 'sessionId', 'rungMs', 'sample', 'value', ''];
const BAD_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xef, 0xbb, 0xbf]];
/** A value as JSON or a structured field writes it. */
const VALUE = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|(?<==)[^,\s&"]+/g;
const DEPTHS = [10, 200, 5_000, 100_000];

type Mutate = (body: Buffer, rng: Rng, seeds: readonly Seed[]) => Buffer;

const below = (rng: Rng, limit: number): number => Math.floor(rng() * limit);
const pick = <T>(rng: Rng, from: readonly T[]): T => from[below(rng, from.length)] as T;
const range = (rng: Rng, length: number): [number, number] => {
  const from = below(rng, length + 1);
  return [from, Math.min(length, from + 1 + below(rng, Math.max(1, length >> 2)))];
};
const splice = (body: Buffer, from: number, to: number, by: Buffer | string): Buffer =>
  Buffer.concat([body.subarray(0, from), Buffer.from(by), body.subarray(to)]);

/** Puts something else in the place of one value of a text. */
const replaceValue =
  (by: (rng: Rng, value: string) => string): Mutate =>
  (body, rng) => {
    const text = body.toString('latin1');
    const values = [...text.matchAll(VALUE)];
    if (values.length === 0) return body;
    const { index, 0: value } = pick(rng, values);
    return splice(body, index, index + value.length, by(rng, value));
  };

const MUTATIONS: Record<string, Mutate> = {
  'bit flips': (body, rng) => {
    const flipped = Buffer.from(body);
    for (let n = 1 + below(rng, 8); n > 0 && flipped.length > 0; n -= 1) {
      const at = below(rng, flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << below(rng, 8));
    }
    return flipped;
  },
  'cut short': (body, rng) => body.subarray(0, below(rng, body.length + 1)),
  'a piece lost': (body, rng) => splice(body, ...range(rng, body.length), ''),
  'a piece twice': (body, rng) => {
    const [from, to] = range(rng, body.length);
    return splice(body, to, to, body.subarray(from, to));
  },
  'a piece of another': (body, rng, seeds) => {
    const other = pick(rng, seeds).body;
    const [from, to] = range(rng, other.length);
    return splice(body, ...range(rng, body.length), other.subarray(from, to));
  },
  'another behind it': (body, rng, seeds) => Buffer.concat([body, Buffer.from('\n'), pick(rng, seeds).body]),
  'bad UTF-8': (body, rng) => {
    const at = below(rng, body.length + 1);
    return splice(body, at, at, Buffer.from(pick(rng, BAD_UTF8)));
  },
  'NULs and line feeds': (body, rng) => {
    const at = below(rng, body.length + 1);
    return splice(body, at, at, pick(rng, ['\0', '\n', '\r', '\r\n\r\n', '\0\0\0', '\u2028']));
  },
  'a strange string': replaceValue((rng) => `"${pick(rng, STRINGS)}"`),
  'a strange number': replaceValue((rng) => pick(rng, NUMBERS)),
  'a strange value': replaceValue((rng) => pick(rng, OTHERS)),
  'a value of another': (body, rng, seeds) => {
    const values = pick(rng, seeds).body.toString('latin1').match(VALUE) ?? ['0'];
    return replaceValue(() => pick(rng, values))(body, rng, seeds);
  },
  'a strange key': (body, rng) => {
    const text = body.toString('latin1');
    const starts = [...text.matchAll(/[{,]/g)];
    if (starts.length === 0) return body;
    const at = pick(rng, starts).index + 1;
    const value = pick(rng, [...OTHERS, ...NUMBERS]);
    return splice(body, at, at, pick(rng, [`"${pick(rng, KEYS)}":${value},`, `${pick(rng, KEYS)}=${value},`]));
  },
  rubbish: (_body, rng) => Buffer.from(Array.from({ length: below(rng, 400) }, () => below(rng, 256))),
};

/** Done to fewer, because they make large bodies. */
const LARGE_MUTATIONS: Record<string, Mutate> = {
  'too deep': (body, rng) => {
    const depth = pick(rng, DEPTHS);
    const [open, close] = pick(rng, [
      ['[', ']'],
      ['{"a":', '}'],
      ['(', ')'],
    ]);
    const nest = `${open.repeat(depth)}1${close.repeat(depth)}`;
    return rng() < 0.3 ? Buffer.from(nest) : replaceValue(() => nest)(body, rng, []);
  },
  'too many': (body, rng) => {
    const count = pick(rng, [65, 1_000, 20_000]);
    const many = pick(rng, [
      `[${'{},'.repeat(count)}1]`,
      `[${'9,'.repeat(count)}1]`,
      objectOf(count),
      '!\n'.repeat(count),
    ]);
    return rng() < 0.3 ? Buffer.from(many) : replaceValue(() => many)(body, rng, []);
  },
  'too long': (body, rng) => replaceValue(() => `"${pick(rng, ['x', '\\u0000', 'é']).repeat(20_000)}"`)(body, rng, []),
};
const LARGE_SHARE = 0.03;

const objectOf = (count: number): string => `{${Array.from({ length: count }, (_, n) => `"r${n}":${n}`).join()}}`;

const ENCODINGS = ['gzip', 'x-gzip', 'deflate', 'br', 'identity', 'zstd', 'constructor', 'GZIP', ''] as const;
const TYPES = ['text/plain', 'application/json', 'application/cmcd', 'multipart/form-data', '', 'x'] as const;

function pack(encoding: string, body: Buffer): Buffer {
  if (/gzip/i.test(encoding)) return gzipSync(body, { level: 1 });
  if (encoding === 'deflate') return deflateSync(body, { level: 1 });
  if (encoding === 'br') return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  return body;
}

/** One to four things done to a seed, which speaks of a session of its own. The same `rng`, the same mutant. */
export function mutate(seeds: readonly Seed[], rng: Rng, number: number): Mutant {
  const seed = ofSession(`m-${number}`, pick(rng, seeds));
  const names = Array.from({ length: 1 + below(rng, pick(rng, [1, 4])) }, () =>
    pick(rng, Object.keys(rng() < LARGE_SHARE ? LARGE_MUTATIONS : MUTATIONS)),
  );
  const change = (body: Buffer): Buffer => names.reduce((changed, name) => apply(name, changed, rng, seeds), body);
  if (seed.method === 'GET') return { ...mutateRequest(seed, change), isSound: true, mutations: names };
  const body = change(seed.body);
  const headers: Record<string, string> = { ...seed.headers };
  if (rng() < 0.1) headers['content-type'] = pick(rng, TYPES);
  const encoding = headers['content-encoding'] === undefined && rng() < 0.2 ? pick(rng, ENCODINGS) : undefined;
  const path = rng() < 0.1 ? pick(rng, ['/v1/telemetry', '/v1/cmcd']) : seed.path;
  if (encoding === undefined) {
    const isSound = headers['content-encoding'] === undefined;
    return { ...seed, path, headers, body, isSound, mutations: names };
  }
  const packed = rng() < 0.7 ? pack(encoding, body) : body;
  const broken = rng() < 0.3 ? change(packed) : packed;
  headers['content-encoding'] = encoding;
  return { ...seed, path, headers, body: broken, isSound: false, mutations: [...names, `as ${encoding}`] };
}

function apply(name: string, body: Buffer, rng: Rng, seeds: readonly Seed[]): Buffer {
  return (MUTATIONS[name] ?? LARGE_MUTATIONS[name])?.(body, rng, seeds) ?? body;
}

function ofSession(sessionId: string, { method, path, headers, body }: Seed): Seed {
  const renamed = (text: string): string => text.replaceAll(SESSION, sessionId);
  const renamedHeaders = Object.entries(headers).map(([name, value]) => [name, renamed(value)]);
  return {
    method,
    path: renamed(path),
    headers: Object.fromEntries(renamedHeaders),
    body: Buffer.from(renamed(body.toString('latin1')), 'latin1'),
  };
}

/** What is CMCD in a media request, changed; header values and URLs take no line feeds and nothing beyond Latin-1. */
function mutateRequest(seed: Seed, change: (body: Buffer) => Buffer): Seed {
  const [path = '', query = ''] = seed.path.split('?');
  const parameters = new URLSearchParams(query);
  const cmcd = parameters.get('CMCD');
  const headers = { ...seed.headers };
  if (cmcd === null) {
    for (const name of Object.keys(headers).filter((header) => header.startsWith('cmcd-'))) {
      headers[name] = printable(change(Buffer.from(headers[name] ?? ''))).slice(0, 3_000);
    }
    return { ...seed, headers };
  }
  const changed = change(Buffer.from(cmcd));
  const escaped = [...changed.subarray(0, 3_000)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  return { ...seed, path: `${path}?sid=x&CMCD=${escaped}`, headers };
}

const printable = (bytes: Buffer): string => bytes.toString('latin1').replace(/[^\x20-\x7e\xa0-\xff]/g, ' ');
