import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { brotliCompressSync, constants, deflateSync, Gunzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBody } from '../../../src/api/ingest/read-body.ts';
import { Problem } from '../../../src/api/problem.ts';
import { waitFor } from '../../fixtures/wait-for.ts';
import { hangUp, post, serve } from './fixtures/http-exchange.ts';

/** What every decoder of zlib inherits: spied on, it tells which ones were given something to unpack. */
const ZlibBase: Transform = Object.getPrototypeOf(Object.getPrototypeOf(Gunzip.prototype));
const unpacking = vi.spyOn(ZlibBase, '_transform');
const decodersSeen = (): Transform[] => [...new Set(unpacking.mock.contexts as Transform[])];
const MAX_BYTES = 10_000;
const outcomes: unknown[] = [];
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  server = await serve((request, response) => {
    readBody(request, { maxBytes: MAX_BYTES }).then(
      (body) => {
        outcomes.push('read');
        response.end(JSON.stringify({ bytes: body.length, sha1: sha1(body) }));
      },
      (error: unknown) => {
        outcomes.push(error);
        const problem = error instanceof Problem ? error : new Problem(500, 'unexpected', String(error));
        response.writeHead(problem.status, { connection: 'close' });
        response.end(JSON.stringify({ code: problem.code, detail: problem.message }));
      },
    );
  });
});
afterAll(() => {
  unpacking.mockRestore();
  return server.stop();
});
beforeEach(() => {
  outcomes.length = 0;
  unpacking.mockClear();
});

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');
/** Text that no encoding makes much smaller than half. */
const noise = (bytes: number): Buffer => {
  const digests = Array.from({ length: Math.ceil(bytes / 40) }, (_, n) => sha1(Buffer.from(String(n))));
  return Buffer.from(digests.join('').slice(0, bytes));
};
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);

const PACKERS: [string, (bytes: Buffer) => Buffer][] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
];

describe('a body', () => {
  it.each([0, 1, 5_000, MAX_BYTES])('of %i bytes is read whole', async (bytes) => {
    const body = noise(bytes);
    expect(await post(server.url, [body])).toMatchObject({ status: 200, body: { bytes, sha1: sha1(body) } });
  });

  it('is read whole when it comes byte by byte', async () => {
    const body = noise(300);
    const pieces = Array.from(body, (byte) => Buffer.of(byte));
    expect(await post(server.url, pieces)).toMatchObject({ status: 200, body: { bytes: 300, sha1: sha1(body) } });
  });

  it('that says it is too large is refused before any of it has come', async () => {
    const headers = { 'content-length': String(MAX_BYTES + 1) };
    const answer = await post(server.url, [], { headers, leaveOpen: true });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body.too-large' } });
    expect(answer.body.detail).toContain(`${MAX_BYTES} bytes`);
  });

  it('that does not say so is refused as soon as it is, without waiting for its end', async () => {
    const answer = await post(server.url, [zeros(MAX_BYTES), zeros(1)], { leaveOpen: true });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body.too-large' } });
  });

  it('that ends before it should is a broken request, not a failure of ours', async () => {
    await hangUp(server.url, 'a beginning');
    const [outcome] = await waitFor('the request to be given up', () => (outcomes.length > 0 ? outcomes : null));
    expect(outcome).toMatchObject({ name: 'Problem', status: 400, code: 'body.aborted' });
  });

  it('of an encoding that nobody knows is refused with those that are known', async () => {
    const answer = await post(server.url, ['x'], { headers: { 'content-encoding': 'zstd' } });
    expect(answer).toMatchObject({ status: 415, body: { code: 'body.encoding' } });
    expect(answer.body.detail).toMatch(/gzip.*deflate.*br.*zstd/);
  });

  it.each(['constructor', '__proto__', 'gzip, gzip', 'gzip;q=1'])('of the encoding %j is refused', async (encoding) => {
    const answer = await post(server.url, ['x'], { headers: { 'content-encoding': encoding } });
    expect(answer).toMatchObject({ status: 415, body: { code: 'body.encoding' } });
  });

  it.each(['GZIP', ' gzip '])('may call its encoding %j', async (encoding) => {
    const headers = { 'content-encoding': encoding };
    expect(await post(server.url, [gzipSync('hello')], { headers })).toMatchObject({ status: 200, body: { bytes: 5 } });
  });
});

describe.each(PACKERS)('a body in %s', (encoding, pack) => {
  const headers = { 'content-encoding': encoding };

  it('is unpacked, up to the limit to the byte', async () => {
    const body = noise(MAX_BYTES);
    const answer = await post(server.url, [pack(body)], { headers });
    expect(answer).toMatchObject({ status: 200, body: { bytes: MAX_BYTES, sha1: sha1(body) } });
    expect(await post(server.url, [pack(zeros(MAX_BYTES + 1))], { headers })).toMatchObject({ status: 413 });
  });

  it('is refused when it unpacks to more than the limit, and no more of it is unpacked', async () => {
    const bomb = pack(zeros(64 * 1024 ** 2)).subarray(0, MAX_BYTES);
    const answer = await post(server.url, [bomb], { headers, leaveOpen: true });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body.too-large' } });
    expect(answer.body.detail).toContain('decompressed');
    const decoders = decodersSeen();
    expect(decoders).toHaveLength(1);
    expect(decoders[0]?.destroyed).toBe(true);
    expect(decoders[0]?.readableLength).toBeLessThan(MAX_BYTES + 64 * 1024);
  });

  it('is refused when it is too large before it is unpacked', async () => {
    const answer = await post(server.url, [pack(noise(MAX_BYTES * 4)).subarray(0, MAX_BYTES + 1)], {
      headers: { ...headers, 'transfer-encoding': 'chunked' },
      leaveOpen: true,
    });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body.too-large' } });
  });

  it('is refused when it is cut short, and when it is no such thing', async () => {
    const whole = pack(noise(5_000));
    const half = whole.subarray(0, whole.length >> 1);
    expect(await post(server.url, [half], { headers })).toMatchObject({ status: 400, body: { code: 'body.encoding' } });
    expect(await post(server.url, ['\u0001nonsense'], { headers })).toMatchObject({ status: 400 });
  });

  it('whose sender hangs up leaves no decoder behind', async () => {
    await hangUp(server.url, pack(noise(5_000)).subarray(0, 20).toString('latin1'), headers);
    await waitFor('the request to be given up', () => outcomes.length > 0);
    expect(outcomes[0]).toMatchObject({ name: 'Problem', status: 400 });
    const decoders = decodersSeen();
    for (const decoder of decoders) if (!decoder.closed) await once(decoder, 'close');
    expect(decoders).toHaveLength(1);
  });
});
