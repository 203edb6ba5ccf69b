import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Upload } from 'tus-js-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/openapi/operation.ts';
import { DiskBudget } from '../../src/api/uploads/disk-budget.ts';
import { KEY, startUploads, type UploadService } from './fixtures/upload-service.ts';

const MB = 1_000_000;
let service: UploadService;
let freeBytes: number;
let nowMs: number;
beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-room-'));
  freeBytes = 100 * MB;
  nowMs = 0;
  const budget = new DiskBudget({
    directory,
    reserveBytes: 20 * MB,
    freeBytes: async () => freeBytes,
    monotonicMs: () => nowMs,
  });
  service = await startUploads(directory, { budget });
});
afterEach(async () => {
  service.stop();
  await rm(service.directory, { recursive: true });
});

const problemOf = async (response: Response) => problemSchema.parse(await response.json());

describe('an upload that there is no room for', () => {
  it('is refused with 507 before its first byte, with what would fit, and leaves nothing', async () => {
    const response = await service.send('POST', '/v1/uploads', { 'upload-length': String(50 * MB) });
    expect(response.status).toBe(507);
    expect(response.headers.get('retry-after')).toBe('600');
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ title: 'Not enough room', code: 'upload.no-room' });
    expect(problem.detail).toContain('Send at most 40 MB');
    expect([service.created, await readdir(service.directory)]).toEqual([[], []]);
  });

  it('ends a real tus client with that answer', async () => {
    const error = await new Promise<Error>((resolve, reject) => {
      const upload = new Upload(Buffer.alloc(45 * MB), {
        endpoint: `${service.url}/v1/uploads`,
        headers: { authorization: `Bearer ${KEY}` },
        retryDelays: [1, 1],
        onError: resolve,
        onSuccess: () => reject(new Error('it was taken')),
      });
      upload.start();
    });
    expect(error.message).toContain('507');
    expect(error.message).toContain('upload.no-room');
  });

  it('is refused too when its length is declared with a later chunk, and keeps what it has', async () => {
    const creation = await service.send('POST', '/v1/uploads', { 'upload-defer-length': '1' });
    const location = creation.headers.get('location') ?? '';
    const first = await service.send('PATCH', location, { 'upload-offset': '0' }, 'abc');
    expect(first.status).toBe(204);
    const declare = (bytes: number) =>
      service.send('PATCH', location, { 'upload-offset': '3', 'upload-length': String(bytes) }, 'def');
    expect(await problemOf(await declare(41 * MB))).toMatchObject({ status: 507, code: 'upload.no-room' });
    expect(await service.offset(location)).toBe(3);
    expect((await declare(6)).status).toBe(204);
    expect(service.finished).toHaveLength(1);
  });
});

describe('a disk that fills up while bytes arrive', () => {
  it.each([true, false])(
    'stops them with 507, and they go on when there is room again (checksum: %s)',
    async (stated) => {
      const location = await service.create(6);
      const chunk = { 'upload-offset': '0', 'content-length': '6' };
      const sum = `sha1 ${createHash('sha1').update('abcdef').digest('base64')}`;
      const send = () =>
        service.send('PATCH', location, { ...chunk, ...(stated ? { 'upload-checksum': sum } : {}) }, 'abcdef');
      freeBytes = 9 * MB;
      const refused = await send();
      expect(await problemOf(refused)).toMatchObject({ status: 507, code: 'upload.disk-full' });
      expect(await service.offset(location)).toBe(0);
      freeBytes = 30 * MB;
      nowMs = 1000;
      expect((await send()).status).toBe(204);
    },
  );
});
