import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createIngestHandler, type IngestHttpPorts } from '../../../src/api/ingest/ingest-handler.ts';
import type { Principal } from '../../../src/api/key-store.ts';
import { Problem } from '../../../src/api/problem.ts';
import type { Arrival, IngestResult } from '../../../src/telemetry/ingest.ts';
import { Refusal } from '../../../src/telemetry/refusal.ts';
import { SpoolWriteError } from '../../../src/telemetry/spool/spool.ts';
import { waitFor } from '../../fixtures/wait-for.ts';
import { hangUp, post, serve } from './fixtures/http-exchange.ts';

const CONTEXT = { region: 'NO', device: 'phone', connection: 'unknown' } as const;
const EVENT = { type: 'startup', eventId: 'e1', sessionId: 's1', assetId: 'a_1', ts: '2026-03-01T12:00:00.000Z' };
const CMCD = 'sid="s1",cid="a_1",v=2,e=ps,sta=p,ts=1772366400000';

let ingested: { candidates: readonly unknown[]; arrival: Arrival }[];
let identified: { hasBody: boolean }[];
let responses: Parameters<IngestHttpPorts['onResponse']>[0][];
let logged: Record<string, unknown>[];
let ingest: IngestHttpPorts['ingest'];
let identify: IngestHttpPorts['identify'];
let server: Awaited<ReturnType<typeof serve>>;

const everything: IngestHttpPorts['ingest'] = async (candidates) => {
  const rejected = [...candidates.entries()].flatMap(([index, candidate]) =>
    candidate instanceof Refusal ? [{ index, code: candidate.code, errors: candidate.errors }] : [],
  );
  return { kind: 'stored', accepted: candidates.length - rejected.length, duplicates: 0, rejected };
};
const scoped = (...scopes: Principal['scopes']): Principal => ({ keyId: 'k', scopes, origins: [] });

beforeAll(async () => {
  const handle = createIngestHandler(
    {
      identify(request, query, body) {
        identified.push({ hasBody: body !== null });
        return identify(request, query, body);
      },
      ingest(candidates, arrival) {
        ingested.push({ candidates, arrival });
        return ingest(candidates, arrival);
      },
      observe: () => ({ context: CONTEXT, block: 'b1' }),
      nowMs: () => Date.parse(EVENT.ts),
      onResponse: (seen) => responses.push(seen),
    },
    pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) }),
  );
  server = await serve((request, response) => {
    if (!handle(request, response)) response.writeHead(404).end('{"code":"not-taken"}');
  });
});
afterAll(() => server.stop());
beforeEach(() => {
  [ingested, identified, responses, logged] = [[], [], [], []];
  ingest = everything;
  identify = () => scoped('telemetry');
});

const telemetry = () => `${server.url}/v1/telemetry`;
const cmcd = () => `${server.url}/v1/cmcd`;

describe('a report', () => {
  it('is answered with what became of its events, once they are stored', async () => {
    let store = (_result: IngestResult): void => {};
    ingest = () =>
      new Promise((resolve) => {
        store = resolve;
      });
    let isAnswered = false;
    const answering = post(telemetry(), [JSON.stringify({ events: [EVENT, EVENT] })]).finally(() => {
      isAnswered = true;
    });
    await waitFor('the events to be handed over', () => ingested.length === 1);
    expect(isAnswered).toBe(false);
    const errors = [{ path: 'type', expected: 'a known type', received: 'nothing' }];
    store({ kind: 'stored', accepted: 1, duplicates: 1, rejected: [{ index: 1, code: 'event.invalid', errors }] });
    const answer = await answering;
    expect(answer).toMatchObject({
      status: 202,
      body: { accepted: 1, duplicates: 1, rejected: [{ index: 1, code: 'event.invalid', errors }] },
    });
    expect(Object.keys(answer.body)).toEqual(['accepted', 'duplicates', 'rejected']);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
    });
    expect(responses).toMatchObject([{ method: 'POST', route: '/v1/telemetry', status: 202 }]);
  });

  it.each([
    ['a browser', ['telemetry'], { source: 'beacon', block: 'b1', trusted: false }],
    ['a server-side reporter', ['decide'], { source: 'server', block: '', trusted: true }],
    ['an administrator', ['admin'], { source: 'server', block: '', trusted: true }],
  ] as const)('of %s is taken for what it is', async (_who, scopes, arrival) => {
    identify = () => scoped(...scopes);
    await post(telemetry(), [JSON.stringify(EVENT)]);
    expect(ingested).toEqual([{ candidates: [EVENT], arrival: { ...arrival, context: CONTEXT } }]);
  });

  it.each([
    ['JSON', 'application/json', JSON.stringify({ events: [EVENT] }), {}],
    ['lines', 'application/x-ndjson', `${JSON.stringify(EVENT)}\n`, {}],
    ['a beacon', 'text/plain;charset=UTF-8', JSON.stringify([EVENT]), {}],
    ['gzip', 'application/json', gzipSync(JSON.stringify(EVENT)), { 'content-encoding': 'gzip' }],
    ['no stated type', '', JSON.stringify(EVENT), {}],
  ])('may come as %s', async (_form, type, body, headers) => {
    const answer = await post(telemetry(), [body], { headers: { ...(type && { 'content-type': type }), ...headers } });
    expect(answer).toMatchObject({ status: 202, body: { accepted: 1 } });
    expect(ingested[0]?.candidates).toEqual([EVENT]);
  });

  it('is for POST at its own two paths; anything else is somebody else’s', async () => {
    for (const path of ['/v1/telemetry/', '/v1/telemetry/audit', '/v1/cmcdx', '//v1/cmcd', '/'])
      expect(await post(`${server.url}${path}`, ['{}'])).toMatchObject({ body: { code: 'not-taken' } });
    for (const method of ['GET', 'OPTIONS', 'PUT'])
      expect((await fetch(telemetry(), { method })).headers.get('access-control-allow-origin')).toBeNull();
    expect(ingested).toEqual([]);
  });
});

describe('a sender', () => {
  it('is asked for its key before its body is read', async () => {
    identify = () => {
      throw new Problem(401, 'key.unknown', 'This key is not known here.');
    };
    const answer = await post(telemetry(), [], { headers: { 'content-length': '1000' }, leaveOpen: true });
    expect(answer).toMatchObject({ status: 401, body: { code: 'key.unknown' } });
    expect(answer.headers).toMatchObject({ 'www-authenticate': 'Bearer', connection: 'close' });
    expect(identified).toEqual([{ hasBody: false }]);
  });

  it('that signs is known by its body', async () => {
    identify = (_request, _query, body) => {
      expect(body?.toString()).toBe(JSON.stringify(EVENT));
      return scoped('decide');
    };
    const packed = gzipSync(JSON.stringify(EVENT));
    const headers = { 'nara-key': 'k', 'content-encoding': 'gzip' };
    expect(await post(telemetry(), [packed], { headers })).toMatchObject({ status: 202 });
    expect(identified).toEqual([{ hasBody: true }]);
  });

  it('may put its key into the URL', async () => {
    let key: string | null = null;
    identify = (_request, query) => {
      key = query.get('key');
      return scoped('telemetry');
    };
    await post(`${telemetry()}?key=a%2Bb&x=1`, [JSON.stringify(EVENT)]);
    expect(key).toBe('a+b');
  });

  it('that hangs up in the middle leaves nothing behind, and is nobody’s failure', async () => {
    await hangUp(telemetry(), '{"events":[');
    expect(await post(telemetry(), [JSON.stringify(EVENT)])).toMatchObject({ status: 202 });
    expect(ingested).toHaveLength(1);
    expect(logged).toEqual([]);
  });
});

describe('a refusal', () => {
  const KIB = 1024;
  it.each([
    ['a beacon of more than 64 KiB', 'text/plain', 64 * KIB + 1, 413],
    ['a beacon of 64 KiB', 'text/plain;charset=utf-8', 64 * KIB, 202],
    ['a batch of more than 1 MiB', 'application/json', KIB * KIB + 1, 413],
    ['a batch of 1 MiB', 'application/json', KIB * KIB, 202],
  ])('is due to %s as it should be', async (_what, type, bytes, status) => {
    const body = JSON.stringify(EVENT).padEnd(bytes, ' ');
    expect(await post(telemetry(), [body], { headers: { 'content-type': type } })).toMatchObject({ status });
    const packed = await post(telemetry(), [gzipSync(body)], {
      headers: { 'content-type': type, 'content-encoding': 'gzip' },
    });
    expect(packed).toMatchObject({ status });
    expect(ingested).toHaveLength(status === 202 ? 2 : 0);
  });

  it('is a problem document that a browser may read', async () => {
    const answer = await post(telemetry(), ['hello'], { headers: { origin: 'https://player.example' } });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
    });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        type: 'about:blank',
        status: 400,
        title: 'Bad request',
        code: 'telemetry.unreadable',
        errors: [{ path: '', expected: expect.stringContaining('events'), received: 'hello' }],
      },
    });
    expect(responses).toMatchObject([{ route: '/v1/telemetry', status: 400 }]);
  });

  it('of more events than a body may hold says how many those are', async () => {
    const answer = await post(telemetry(), [JSON.stringify(Array.from({ length: 10_001 }, () => 1))]);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ expected: expect.stringContaining('10000') }] } });
  });

  it('for want of room says when to come back', async () => {
    ingest = async () => ({ kind: 'full', retryAfterSeconds: 7 });
    for (const [url, body] of [
      [telemetry(), JSON.stringify(EVENT)],
      [cmcd(), CMCD],
    ] as const) {
      const answer = await post(url, [body]);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '7' }, body: { code: 'telemetry.full' } });
    }
  });

  it('on the side of the disk is a 503 with Retry-After', async () => {
    ingest = async () => {
      throw new SpoolWriteError('Could not store telemetry in /x', { cause: new Error('ENOSPC') });
    };
    const answer = await post(telemetry(), [JSON.stringify({ events: [EVENT] })]);
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { code: 'telemetry.unwritable' },
    });
  });

  it('that nobody expected is a 500 whose id the log knows, and says nothing else', async () => {
    ingest = async () => {
      throw new Error('secret detail');
    };
    const answer = await post(`${telemetry()}?key=k-123`, [JSON.stringify(EVENT)]);
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(logged).toMatchObject([{ path: '/v1/telemetry', err: { message: 'secret detail' } }]);
    expect(answer.body.detail).toContain(String(logged[0]?.id));
    expect(JSON.stringify(logged)).not.toContain('k-123');
  });
});

describe('CMCD event mode', () => {
  it.each([
    ['a line with its line feed', `${CMCD}\n`, 1],
    ['a line without', CMCD, 1],
    ['lines of another system', `${CMCD},sn=1\r\n${CMCD},sn=2\r\n`, 2],
    ['JSON', JSON.stringify([{ sid: 's1', cid: 'a_1', v: 2, e: 'ps', sta: 'p' }]), 1],
    ['one good line among rubbish', `\u0000\u0001\n)(*&\n${CMCD}\nsid="unfinished\n{"sid":\n`, 1],
    ['rubbish', '\u0000\u0001=====', 0],
    ['nothing', '', 0],
    ['blank lines', '\n\r\n \n', 0],
    ['JSON that is no report', '[1, null, "x", [], {"sid": {}}]', 0],
    ['nobody’s report', 'v=2,e=ps,sta=p', 0],
  ])('takes %s, because players drop what is refused', async (_what, body, accepted) => {
    const answer = await post(cmcd(), [body], { headers: { 'content-type': 'application/cmcd' } });
    // Not 202: shaka-player takes that for a failure and sends again.
    expect(answer).toMatchObject({ status: 200, body: { accepted } });
  });

  it('names each bad line by its place in the body', async () => {
    const body = `${CMCD}\n(((\n${CMCD},sn=9\nv=2,e=ps\n`;
    const answer = await post(cmcd(), [body], { headers: { 'content-type': 'application/cmcd' } });
    expect(answer.body).toMatchObject({
      accepted: 2,
      rejected: [
        { index: 1, code: 'event.unreadable' },
        { index: 3, code: 'report.anonymous' },
      ],
    });
    expect(ingested[0]?.arrival).toMatchObject({ source: 'cmcd2-event', block: 'b1' });
  });
});
