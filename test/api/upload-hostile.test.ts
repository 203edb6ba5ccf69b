import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/openapi/operation.ts';
import { describeUpload } from '../../src/api/uploads/describe-upload.ts';
import { KEY, startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'nara-hostile-'));
  service = await startUploads(join(parent, 'uploads'));
});
afterEach(async () => {
  service.stop();
  await rm(parent, { recursive: true });
});

const encoded = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const createWith = (metadata: string) =>
  service.send('POST', '/v1/uploads', { 'upload-length': '3', 'upload-metadata': metadata });
const namedBy = async (filename: string | Buffer): Promise<string | undefined> => {
  expect((await createWith(`filename ${encoded(filename)}`)).status).toBe(201);
  return service.created.at(-1)?.filename;
};

describe('a filename', () => {
  it.each([
    ['a NUL', 'clip\0.mp4', 'clip.mp4'],
    ['line ends', 'a\r\nSet-Cookie: x', 'aSet-Cookie: x'],
    ['a text direction that hides its ending', 'clip\u202e4pm.exe', 'clip4pm.exe'],
    ['nothing to see', '\u200b\u2066\u0007', 'untitled'],
    ['emoji', '🎬 ferie på Lofoten.mp4', '🎬 ferie på Lofoten.mp4'],
    ['a path out', '../../../../etc/passwd', '../../../../etc/passwd'],
  ])('with %s is text to show and nothing else', async (_what, sent, shown) => {
    expect(await namedBy(sent)).toBe(shown);
    expect(await readdir(parent)).toEqual(['uploads']);
    for (const file of await readdir(service.directory)) expect(file).toMatch(/^u_[\w-]{32}(\.json)?$/);
  });

  it('that is no UTF-8 is shown as far as it is', async () => {
    expect(await namedBy(Buffer.from([0x61, 0xff, 0xc0, 0x62]))).toBe('a\ufffd\ufffdb');
  });

  it('never holds what cannot be shown or half a character, and is never longer than 255, whatever is sent', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 400 }), (points) => {
        const filename = String.fromCodePoint(...points);
        const described = describeUpload({ filename, owner: filename });
        for (const text of [described.filename, described.owner]) {
          expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
          expect([...text].length).toBeLessThanOrEqual(255);
          expect(text).not.toBe('');
        }
      }),
    );
    const long = describeUpload({ filename: '🎬'.repeat(300) }).filename;
    expect(long).toBe('🎬'.repeat(255));
  });
});

describe('metadata', () => {
  it.each([
    ['base64 that is none', 'filename !!!'],
    ['a key twice', `filename ${encoded('a')},filename ${encoded('b')}`],
    ['a key of the language', `__proto__ ${encoded('{"owner":"root"}')}`],
    ['no key', `filename,,${encoded('a')}`],
    ['three words', `filename ${encoded('a')} more`],
  ])('with %s is refused with 400', async (_what, metadata) => {
    const refused = await createWith(metadata);
    expect(problemSchema.parse(await refused.json())).toMatchObject({ status: 400, code: 'upload.invalid' });
    expect(service.created).toEqual([]);
  });

  it('that claims to be of another asset, or says how large the file is, is believed in neither', async () => {
    const claims = `nara-asset-id ${encoded('a_someone-elses')},size ${encoded('1')},storage ${encoded('/etc/passwd')}`;
    const answer = await createWith(claims);
    const assetId = answer.headers.get('nara-asset-id');
    expect(assetId).toMatch(/^a_[\w-]{22}$/);
    expect(assetId).not.toBe('a_someone-elses');
    const location = answer.headers.get('location') ?? '';
    expect((await service.send('PATCH', location, { 'upload-offset': '0' }, 'abc')).status).toBe(204);
    expect(service.finished).toEqual([assetId]);
  });

  it('of a megabyte is refused before it is read to its end, and nobody else notices', async () => {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    const head = `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 3\r\n`;
    socket.write(`${head}Upload-Metadata: filename ${'A'.repeat(1024 * 1024)}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('HTTP/1.1 431');
    socket.destroy();
    expect(service.created).toEqual([]);
    expect((await createWith(`filename ${encoded('a'.repeat(8_000))}`)).status).toBe(201);
  });
});

describe('a raw upload', () => {
  it('cannot be read back, whole or not, by any method, nor found by its asset or by a path', async () => {
    const location = await service.create(6);
    await service.send('PATCH', location, { 'upload-offset': '0' }, 'secret');
    const id = basename(location);
    const paths = [
      location,
      `${location}.json`,
      `/v1/uploads/../uploads/${id}`,
      `/v1/uploads/%2e%2e%2fuploads%2f${id}`,
    ];
    for (const path of [...paths, `/v1/uploads/${service.finished[0]}`, '/v1/uploads/', '/v1/uploads']) {
      for (const method of ['GET', 'PUT', 'QUERY', 'PROPFIND']) {
        const answer = await service.send(method, path);
        expect([404, 405], `${method} ${path}`).toContain(answer.status);
        expect(await answer.text()).not.toContain('secret');
      }
      const disguised = await service.send('POST', path, { 'x-http-method-override': 'GET' });
      expect(await disguised.text()).not.toContain('secret');
    }
  });
});

describe('chunks for the same place at the same time', () => {
  it('make one of them win, and the file is what was sent', async () => {
    const bytes = randomBytes(300_000);
    const location = await service.create(bytes.length);
    const send = () => service.send('PATCH', location, { 'upload-offset': '0' }, new Uint8Array(bytes));
    const answers = await Promise.all([send(), send(), send(), send()]);
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses[0]).toBe(204);
    expect(statuses.slice(1).every((status) => status === 409 || status === 423)).toBe(true);
    expect((await readFile(join(service.directory, basename(location)))).equals(bytes)).toBe(true);
    expect(service.finished).toHaveLength(1);
  });
});
