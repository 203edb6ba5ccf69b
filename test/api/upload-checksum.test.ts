import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemSchema } from '../../src/api/openapi/operation.ts';
import { waitFor } from '../fixtures/wait-for.ts';
import { startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
beforeEach(async () => {
  service = await startUploads(await mkdtemp(join(tmpdir(), 'nara-uploads-')));
});
afterEach(async () => {
  service.stop();
  await rm(service.directory, { recursive: true });
});

const checksum = (bytes: Uint8Array, algorithm = 'sha1'): string =>
  `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`;
const patch = (location: string, offset: number, bytes: Buffer, sum: string): Promise<Response> =>
  service.send('PATCH', location, { 'upload-offset': String(offset), 'upload-checksum': sum }, new Uint8Array(bytes));
const fileOf = (location: string): string => join(service.directory, basename(location));

const sizeOf = async (location: string): Promise<number> => (await stat(fileOf(location))).size;

/** Sends the chunk and does not end the request; answers how to break it off. */
function sendWithoutEnd(location: string, headers: Record<string, string>): () => void {
  const leaving = new AbortController();
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(chunk)) });
  service.send('PATCH', location, { 'upload-offset': '0', ...headers }, body, leaving.signal).catch(() => {});
  return () => leaving.abort();
}

/** Several socket reads long, so that bytes are on disk before the sum is known. */
const chunk = randomBytes(700_000);
const wrong = checksum(Buffer.from('something else'));

describe('a chunk with a checksum', () => {
  it.each(['sha1', 'sha256', 'md5'])('is kept when its %s is right, and finishes the upload', async (algorithm) => {
    const location = await service.create(chunk.length * 2);
    const first = await patch(location, 0, chunk, checksum(chunk, algorithm));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, String(chunk.length)]);
    expect((await patch(location, chunk.length, chunk, checksum(chunk, algorithm))).status).toBe(204);
    expect(service.finished).toHaveLength(1);
    expect((await readFile(fileOf(location))).equals(Buffer.concat([chunk, chunk]))).toBe(true);
    expect(await readdir(service.directory)).toHaveLength(2);
  });

  it('is discarded with 460 when it is wrong, even the last one, and what was there before stays', async () => {
    const location = await service.create(chunk.length * 2);
    await patch(location, 0, chunk, checksum(chunk));
    const refused = await patch(location, chunk.length, randomBytes(chunk.length), wrong);
    expect(refused.status).toBe(460);
    expect(problemSchema.parse(await refused.json())).toMatchObject({ status: 460, code: 'upload.checksum' });
    expect(service.finished).toEqual([]);
    expect((await readFile(fileOf(location))).equals(chunk)).toBe(true);
    expect(await service.offset(location)).toBe(chunk.length);

    expect((await patch(location, chunk.length, chunk, checksum(chunk))).status).toBe(204);
    expect(service.finished).toHaveLength(1);
  });

  it('never makes the file whole before its sum is known, and is forgotten when its sender leaves', async () => {
    const location = await service.create(chunk.length);
    const leave = sendWithoutEnd(location, { 'upload-checksum': wrong });
    await waitFor('most of the bytes on disk', async () => (await sizeOf(location)) >= chunk.length - 65_536);
    expect(await sizeOf(location)).toBeLessThan(chunk.length);
    leave();
    await waitFor('the bytes taken back', async () => (await sizeOf(location)) === 0);
    expect(await service.offset(location)).toBe(0);
    expect(service.logged).toEqual([]);
  });

  it('differs there from one without, whose bytes count as far as they came', async () => {
    const location = await service.create(chunk.length + 1);
    const leave = sendWithoutEnd(location, {});
    await waitFor('the bytes on disk', async () => (await sizeOf(location)) === chunk.length);
    leave();
    expect(await service.offset(location)).toBe(chunk.length);
    expect(service.logged).toEqual([]);
  });

  it('may come with the creation; when it is wrong nothing is left of that', async () => {
    const create = (sum: string) =>
      service.send(
        'POST',
        '/v1/uploads',
        {
          'content-type': 'application/offset+octet-stream',
          'upload-length': String(chunk.length),
          'upload-checksum': sum,
        },
        new Uint8Array(chunk),
      );
    expect((await create(wrong)).status).toBe(460);
    expect(service.abandoned).toEqual([service.created[0]?.id]);
    expect(await readdir(service.directory)).toEqual([]);
    expect((await create(checksum(chunk))).status).toBe(201);
    expect(service.finished).toEqual([service.created[1]?.id]);
  });

  it.each([
    'crc32 AAAAAA==',
    'sha1',
    'sha1 !!!!',
    `sha1 ${Buffer.alloc(19).toString('base64')}`,
    `${wrong} twice`,
    'constructor AAAA',
  ])('is refused with 400 before a byte is written when it is %s', async (sum) => {
    const location = await service.create(3);
    const refused = await patch(location, 0, Buffer.from('abc'), sum);
    expect(refused.status).toBe(400);
    expect(problemSchema.parse(await refused.json()).code).toBe('upload.checksum-unusable');
    expect(await service.offset(location)).toBe(0);
  });
});

describe('what a killed process leaves', () => {
  it('is taken back to the mark when the upload is next asked for', async () => {
    const location = await service.create(10);
    await writeFile(fileOf(location), 'goodwrong');
    await writeFile(`${fileOf(location)}.unverified`, '4\n');
    expect(await service.offset(location)).toBe(4);
    expect(await readFile(fileOf(location), 'utf8')).toBe('good');
    expect((await patch(location, 4, Buffer.from(' bytes'), checksum(Buffer.from(' bytes')))).status).toBe(204);
    expect(await readFile(fileOf(location), 'utf8')).toBe('good bytes');
  });

  it('stays when the file is whole: only the mark was left to remove', async () => {
    const location = await service.create(4);
    await writeFile(fileOf(location), 'good');
    await writeFile(`${fileOf(location)}.unverified`, '0\n');
    expect(await service.offset(location)).toBe(4);
    expect(await readdir(service.directory)).toHaveLength(2);
  });

  it('stays when the mark was cut short: no byte follows an unfinished mark', async () => {
    const location = await service.create(10);
    await writeFile(fileOf(location), 'good');
    await writeFile(`${fileOf(location)}.unverified`, '');
    expect(await service.offset(location)).toBe(4);
  });
});

describe('a preflight', () => {
  it('advertises checksums and lets their header through', async () => {
    const { status, headers } = await service.send('OPTIONS', '/v1/uploads', {
      'access-control-request-method': 'POST',
    });
    expect(status).toBe(204);
    expect(headers.get('tus-extension')?.split(',')).toContain('checksum');
    expect(headers.get('tus-checksum-algorithm')).toBe('sha1,sha256,md5');
    expect(headers.get('access-control-allow-headers')?.split(', ')).toContain('Upload-Checksum');
  });
});
