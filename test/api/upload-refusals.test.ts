import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/openapi/operation.ts';
import { KEY, startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
beforeAll(async () => {
  service = await startUploads(await mkdtemp(join(tmpdir(), 'nara-uploads-')));
});
afterAll(async () => {
  service.stop();
  await rm(service.directory, { recursive: true });
});

const NOWHERE = `/v1/uploads/u_${'x'.repeat(32)}`;
const OFFSET = { 'upload-offset': '0' };

describe('a refusal', () => {
  it.each<[number, string, string, string, Record<string, string>]>([
    [401, 'key.missing', 'POST', '/v1/uploads', { authorization: '' }],
    [401, 'key.unknown', 'PATCH', NOWHERE, { authorization: 'Bearer stranger' }],
    [400, 'upload.invalid', 'POST', '/v1/uploads', {}],
    [400, 'upload.invalid', 'POST', '/v1/uploads', { 'upload-length': '-1' }],
    [400, 'upload.invalid', 'PATCH', NOWHERE, {}],
    [404, 'upload.unknown', 'PATCH', NOWHERE, OFFSET],
    [404, 'upload.unknown', 'DELETE', '/v1/uploads/..%2fsecret', {}],
    [412, 'upload.version', 'POST', '/v1/uploads', { 'tus-resumable': '0.2.2', 'upload-length': '1' }],
    [413, 'upload.too-large', 'POST', '/v1/uploads', { 'upload-length': String(2 ** 40) }],
    [415, 'upload.content-type', 'PATCH', NOWHERE, { ...OFFSET, 'content-type': 'video/mp4' }],
    [501, 'upload.unsupported', 'POST', '/v1/uploads', { 'upload-length': '1', 'upload-concat': 'partial' }],
  ])('with %i %s is a problem that a script of any origin can read', async (status, code, method, path, headers) => {
    const response = await service.send(method, path, { origin: 'https://video.example', ...headers });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(problemSchema.parse(await response.json())).toMatchObject({ status, code });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-expose-headers')).toContain('Upload-Offset');
    expect(response.headers.get('tus-resumable')).toBe('1.0.0');
    if (status === 412) expect(response.headers.get('tus-version')).toBe('1.0.0');
  });

  it('with 409 says so too, and leaves the upload as it was', async () => {
    const location = await service.create(10);
    const response = await service.send('PATCH', location, { 'upload-offset': '3' }, 'abc');
    expect(response.status).toBe(409);
    expect(problemSchema.parse(await response.json()).code).toBe('upload.offset');
    expect(await service.offset(location)).toBe(0);
  });

  it('with 413 comes for more bytes than were announced', async () => {
    const location = await service.create(2);
    const response = await service.send('PATCH', location, OFFSET, 'abc');
    expect(problemSchema.parse(await response.json())).toMatchObject({ status: 413, code: 'upload.too-large' });
  });
});

describe('an answer that is no refusal', () => {
  it('names its origin and its exposed headers once, with the asset and the expiry among them', async () => {
    const { headers } = await service.send('POST', '/v1/uploads', { 'upload-length': '3' });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    const exposed = headers.get('access-control-expose-headers')?.split(/, ?/) ?? [];
    expect(new Set(exposed).size).toBe(exposed.length);
    expect(exposed).toEqual(expect.arrayContaining(['NARA-Asset-Id', 'Upload-Expires', 'Upload-Offset', 'Location']));
  });
});

describe('a key in the query', () => {
  it('works on every request of an upload, and no log shows it', async () => {
    const query = `?key=${encodeURIComponent(KEY)}`;
    const without = { authorization: '' };
    const creation = await service.send('POST', `/v1/uploads${query}`, { ...without, 'upload-length': '6' });
    expect(creation.status).toBe(201);
    const location = creation.headers.get('location') ?? '';
    expect(location.slice(service.url.length)).toMatch(/^\/v1\/uploads\/u_[\w-]{32}$/);
    const patched = await service.send('PATCH', location + query, { ...without, ...OFFSET }, 'abc');
    expect([patched.status, patched.headers.get('upload-offset')]).toEqual([204, '3']);
    // An unencoded slash in the key is legal in a query and must not become the id either.
    const head = await service.send('HEAD', `${location}?key=${KEY}`, without);
    expect([head.status, head.headers.get('upload-offset')]).toEqual([200, '3']);
    expect((await service.send('DELETE', location + query, without)).status).toBe(204);
    expect(service.abandoned).toContain(creation.headers.get('nara-asset-id'));

    const failed = await service.send('POST', `/v1/uploads${query}`, {
      ...without,
      'upload-length': '6',
      'upload-metadata': `owner ${Buffer.from('unlucky').toString('base64')}`,
    });
    expect(problemSchema.parse(await failed.json())).toMatchObject({ status: 500, code: 'internal' });
    expect(service.logged.join('')).toContain('the disk is gone');
    expect(service.logged.join('')).not.toMatch(/upload-key/);
  });
});

describe('a finished upload', () => {
  it('is not taken back by its uploader: it is an asset now', async () => {
    const location = await service.create(3);
    const abandonedBefore = [...service.abandoned];
    expect((await service.send('PATCH', location, OFFSET, 'abc')).status).toBe(204);
    const refused = await service.send('DELETE', location);
    expect(problemSchema.parse(await refused.json())).toMatchObject({ status: 400, code: 'upload.invalid' });
    expect(service.abandoned).toEqual(abandonedBefore);
  });
});

describe('the owner of an upload', () => {
  it.each([
    ['  Ann\u0000\u202e\n ', 'Ann'],
    ['ann', 'ann'],
    ['\u0007 \t', 'anonymous'],
    ['', 'anonymous'],
  ])('%j becomes %j', async (owner, shown) => {
    await service.create(1, { owner });
    expect(service.created.at(-1)?.owner).toBe(shown);
  });
});
