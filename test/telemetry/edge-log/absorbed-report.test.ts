import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEdgeLogLine } from '../../../src/telemetry/edge-log/absorbed-report.ts';

const CMCD = encodeURIComponent('bl=4000,br=800,cid="a_1",d=2000,ot=v,sf=h,sid="s-1",v=1');
const URI = `/v/a_1/r/low/seg-00001.m4s?CMCD=${CMCD}`;

const logged = (of: Record<string, unknown> = {}) =>
  JSON.stringify({
    ended: 1_772_366_400.25,
    took: 0.125,
    address: '192.0.2.7',
    method: 'GET',
    uri: URI,
    status: 200,
    bytes: 40_000,
    cache: 'HIT',
    agent: 'Mozilla/5.0 (iPhone)',
    formFactors: '',
    mobile: '?1',
    cmcdRequest: '',
    cmcdObject: '',
    cmcdSession: '',
    cmcdStatus: '',
    ...of,
  });

const combined = (of: { request?: string; cache?: string; status?: number; agent?: string; time?: string } = {}) =>
  `2001:db8::7 - - [${of.time ?? '01/Mar/2026:13:00:00 +0100'}] "${of.request ?? `GET ${URI} HTTP/1.1`}" ${of.status ?? 206} 40000 "-" "${of.agent ?? 'Mozilla/5.0 (\\x22TV\\x22)'}" ${of.cache ?? 'HIT'}`;

describe('a line of a request that the edge answered itself', () => {
  it('is the report that its player hung on it, at the time the request came', () => {
    const reading = readEdgeLogLine(logged());
    expect(reading).toMatchObject({
      kind: 'report',
      source: 'cmcd1',
      events: [
        {
          type: 'progress',
          sessionId: 's-1',
          assetId: 'a_1',
          ts: '2026-03-01T12:00:00.125Z',
          sample: { renditionId: 'low', bufferMs: 4000, bitrateKbps: 800 },
        },
      ],
      request: {
        address: '192.0.2.7',
        headers: { 'user-agent': 'Mozilla/5.0 (iPhone)', 'sec-ch-ua-mobile': '?1' },
      },
    });
    expect(JSON.stringify(reading.kind === 'report' && reading.events)).not.toContain('192.0.2.7');
  });

  it('may carry it in headers', () => {
    const headers = { cmcdObject: 'br=800,d=2000,ot=v', cmcdSession: 'sid="s-2",v=2', cmcdRequest: 'bl=(4000),sn=7' };
    expect(readEdgeLogLine(logged({ uri: '/v/a_1/r/low/seg-00001.m4s', ...headers }))).toMatchObject({
      kind: 'report',
      source: 'cmcd2-request',
      events: [{ sessionId: 's-2', sequence: 7 }],
    });
  });

  it('says the same in the combined format, to the second', () => {
    expect(readEdgeLogLine(combined())).toMatchObject({
      kind: 'report',
      events: [{ sessionId: 's-1', ts: '2026-03-01T12:00:00.000Z', sample: { renditionId: 'low' } }],
      request: { address: '2001:db8::7', headers: { 'user-agent': 'Mozilla/5.0 ("TV")' } },
    });
  });

  it('is the same event in either format, and whenever it was logged', () => {
    const ids = [
      logged(),
      logged({ ended: 1_772_999_999, cache: 'STALE' }),
      combined(),
      combined({ cache: 'UPDATING' }),
    ]
      .map((line) => readEdgeLogLine(line))
      .map((reading) => reading.kind === 'report' && reading.events[0]?.eventId);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^q-/);
  });

  it('is understood in a stated format only, where one is stated', () => {
    expect(readEdgeLogLine(logged(), 'nginx-json').kind).toBe('report');
    expect(readEdgeLogLine(logged(), 'nginx-combined').kind).toBe('unparsable');
    expect(readEdgeLogLine(combined(), 'nginx-json').kind).toBe('unparsable');
  });
});

describe('a line that is of no use', () => {
  it.each(['MISS', 'EXPIRED', 'BYPASS', 'REVALIDATED', '-', ''])('is one of a request that reached us: %j', (cache) => {
    expect(readEdgeLogLine(logged({ cache })).kind).toBe('passed-on');
    if (cache !== '') expect(readEdgeLogLine(combined({ cache })).kind).toBe('passed-on');
  });

  it('is one of a request that was not served, or that plays nothing', () => {
    expect(readEdgeLogLine(logged({ status: 404 })).kind).toBe('not-served');
    expect(readEdgeLogLine(logged({ method: 'HEAD' })).kind).toBe('not-served');
    expect(readEdgeLogLine(combined({ request: `POST ${URI} HTTP/1.1` })).kind).toBe('not-served');
    expect(readEdgeLogLine(logged({ status: 304 })).kind).toBe('report');
  });

  it('is one whose player reports nothing, reports as nobody, or not in CMCD', () => {
    expect(readEdgeLogLine(logged({ uri: '/v/a_1/poster.webp' })).kind).toBe('without-cmcd');
    expect(readEdgeLogLine(logged({ uri: '/v/a_1/r/low/seg-00001.m4s?CMCD=bl%3D4000' }))).toMatchObject({
      kind: 'anonymous',
      expected: expect.stringContaining('sessionId'),
    });
    expect(readEdgeLogLine(logged({ uri: '/v/a_1/r/low/seg-00001.m4s?CMCD=%3D%3D%22' })).kind).toBe('unusable-cmcd');
  });
});

describe('a line that is none', () => {
  it.each([
    ['{"ended": 17', 'a JSON object of the nara log format'],
    [
      logged({ status: 'ok' }),
      'a JSON object of the nara log format (status: Invalid input: expected number, received string)',
    ],
    [
      logged({ ended: undefined }),
      'a JSON object of the nara log format (ended: Invalid input: expected number, received undefined)',
    ],
    ['192.0.2.7 - - [01/Mar/2026:13:00:00 +0100] "GET / HTTP/1.1" 200 7 "-" "curl"', 'with the cache status behind'],
    [combined({ time: '31/Feb/2026 13:00:00' }), 'with the cache status behind'],
    ['\u0000', 'with the cache status behind'],
  ])('says what was expected: %j', (line, expected) => {
    expect(readEdgeLogLine(line)).toMatchObject({ kind: 'unparsable', expected: expect.stringContaining(expected) });
  });

  it('never throws, whatever stands in it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((uri) => logged({ uri })),
        ),
        (line) => {
          expect(typeof readEdgeLogLine(line).kind).toBe('string');
        },
      ),
    );
  });

  it('is not found in time that grows faster than the line', () => {
    // Of this length a backtracking pattern would not come back.
    const hostile = `1.1.1.1 - ${' ['.repeat(20_000)} "GET ${'"'.repeat(20_000)}`;
    expect(readEdgeLogLine(hostile).kind).toBe('unparsable');
  });
});
