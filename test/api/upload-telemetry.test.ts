import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { uploadSessionId } from '../../src/api/uploads/upload-events.ts';
import { eventSchema } from '../../src/domain/index.ts';
import { waitFor } from '../fixtures/wait-for.ts';
import { startUploads, type UploadService } from './fixtures/upload-service.ts';

let service: UploadService;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-upload-telemetry-'));
  service = await startUploads(directory);
});
afterEach(async () => {
  service.stop();
  await service.meter.settle();
  await rm(directory, { recursive: true });
});

const bytes = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(count);
const patch = (
  location: string,
  offset: number,
  body: Uint8Array<ArrayBuffer> | ReadableStream,
  signal?: AbortSignal,
) => service.send('PATCH', location, { 'upload-offset': String(offset) }, body, signal);
/** The last chunk's report and the end's are made at once, and nothing depends on which of them is first. */
const endLast = (reports: typeof service.reports) =>
  reports.map(({ event }) => event).sort((a, b) => Number(a.type === 'upload_end') - Number(b.type === 'upload_end'));
const events = () => endLast(service.reports);
const reported = (count: number) => waitFor(`${count} reports`, () => service.reports.length >= count);

/** Sends some bytes and leaves in the middle. */
async function sendAndLeave(location: string, offset: number, count: number) {
  const leaving = new AbortController();
  const body = new ReadableStream({ start: (controller) => controller.enqueue(bytes(count)) });
  const sent = patch(location, offset, body, leaving.signal).catch(() => 'left');
  const path = join(directory, basename(location));
  await waitFor('its bytes on disk', async () => (await readFile(path)).length === offset + count);
  leaving.abort();
  expect(await sent).toBe('left');
}

describe('an upload in chunks', () => {
  it('is reported chunk by chunk with its cumulative bytes and time, then as ended', async () => {
    const location = await service.create(3000);
    for (const offset of [0, 1000, 2000]) expect((await patch(location, offset, bytes(1000))).status).toBe(204);
    await reported(4);

    const [assetId] = service.finished;
    const sessionId = uploadSessionId(basename(location));
    expect(events()).toMatchObject([
      ...[1, 2, 3].map((chunk) => ({ type: 'upload_progress', eventId: `chunk-${chunk}`, bytes: 1000 * chunk })),
      { type: 'upload_end', eventId: 'end', bytes: 3000, resumes: 0, stallCount: 0, stalledMs: 0, abandoned: false },
    ]);
    for (const event of events()) {
      expect(eventSchema.parse(event)).toEqual(event);
      expect(event).toMatchObject({ sessionId, assetId });
    }
    const times = events().map((event) => ('elapsedMs' in event ? event.elapsedMs : -1));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(service.measured).toMatchObject([{ bytes: 3000, resumes: 0 }]);
  });

  it('keeps its secret: nothing that is reported contains its id', async () => {
    const location = await service.create(10);
    await patch(location, 0, bytes(10));
    await reported(2);
    expect(JSON.stringify(service.reports)).not.toContain(basename(location).slice(2));
  });

  it('comes from where its sender is seen to be, then from where it says it is', async () => {
    const location = await service.create(10, { region: 'SE', device: 'tv', connection: 'wifi' });
    await patch(location, 0, bytes(10));
    await reported(2);
    const context = { region: 'NO', device: 'phone', connection: 'wifi' };
    for (const report of service.reports) expect(report).toMatchObject({ context, block: 'the-block' });
  });

  it('that brings its first bytes with its creation is measured from there', async () => {
    const headers = { 'upload-length': '1500', 'content-type': 'application/offset+octet-stream' };
    const response = await service.send('POST', '/v1/uploads', headers, bytes(500));
    expect(response.status).toBe(201);
    await patch(response.headers.get('location') ?? '', 500, bytes(1000));
    await reported(3);
    expect(events()).toMatchObject([
      { type: 'upload_progress', bytes: 500 },
      { type: 'upload_progress', bytes: 1500 },
      { type: 'upload_end', bytes: 1500 },
    ]);
  });

  it('leaves nothing of its figures when it has ended', async () => {
    const location = await service.create(10);
    await patch(location, 0, bytes(5));
    await reported(1);
    expect(await readdir(directory)).toHaveLength(3);
    await patch(location, 5, bytes(5));
    await waitFor('the figures to go', async () => (await readdir(directory)).length === 2);
  });

  it('is ended once, however often its last request is repeated', async () => {
    const location = await service.create(10);
    await patch(location, 0, bytes(10));
    await waitFor('the figures to go', async () => (await readdir(directory)).length === 2);
    expect((await patch(location, 10, bytes(0))).status).toBe(204);
    await service.meter.settle();
    expect(events().map(({ type }) => type)).toEqual(['upload_progress', 'upload_end']);
    expect(service.finished).toHaveLength(2);
  });
});

describe('a resume', () => {
  it('is coming back after a request was cut off', async () => {
    const location = await service.create(3000);
    await sendAndLeave(location, 0, 1000);
    await reported(1);
    await patch(location, 1000, bytes(2000));
    await reported(3);
    expect(events().at(-1)).toMatchObject({ type: 'upload_end', bytes: 3000, resumes: 1 });
  });

  it('is coming back after asking how far the upload was, and asking before the first byte is none', async () => {
    const location = await service.create(3000);
    await service.offset(location);
    await patch(location, 0, bytes(1000));
    await service.offset(location);
    await patch(location, 1000, bytes(2000));
    await reported(3);
    expect(events().at(-1)).toMatchObject({ type: 'upload_end', resumes: 1 });
  });

  it('goes on with the figures of an API that is gone', async () => {
    const location = await service.create(3000);
    await sendAndLeave(location, 0, 1000);
    await reported(1);
    await service.meter.settle();
    const next = await startUploads(directory);
    try {
      const path = new URL(location).pathname;
      await next.send('PATCH', path, { 'upload-offset': '1000' }, bytes(2000));
      await waitFor('its reports', () => next.reports.length === 2);
      expect(endLast(next.reports)).toMatchObject([
        { type: 'upload_progress', eventId: 'chunk-2', bytes: 3000 },
        { type: 'upload_end', bytes: 3000, resumes: 1 },
      ]);
      expect(next.measured).toMatchObject([{ bytes: 3000, resumes: 1 }]);
    } finally {
      next.stop();
    }
  });
});

describe('bytes that do not stay', () => {
  it('were received all the same: a wrong checksum does not make a line slower', async () => {
    const location = await service.create(1000);
    const headers = { 'upload-offset': '0', 'upload-checksum': `sha1 ${Buffer.alloc(20).toString('base64')}` };
    expect((await service.send('PATCH', location, headers, bytes(1000))).status).toBe(460);
    await patch(location, 0, bytes(1000));
    await reported(3);
    expect(events()).toMatchObject([{ bytes: 1000 }, { bytes: 2000 }, { type: 'upload_end', bytes: 2000, resumes: 0 }]);
  });

  it('are not counted where the upload did not take them, or is not there', async () => {
    const location = await service.create(1000);
    expect((await patch(location, 7, bytes(100))).status).toBe(409);
    expect((await patch(`/v1/uploads/u_${'x'.repeat(32)}`, 0, bytes(100))).status).toBe(404);
    await patch(location, 0, bytes(1000));
    await reported(2);
    expect(events()).toMatchObject([{ eventId: 'chunk-1', bytes: 1000 }, { type: 'upload_end' }]);
  });
});

describe('an abandoned upload', () => {
  it('is reported with what it had when its uploader takes it back', async () => {
    const location = await service.create(3000);
    await patch(location, 0, bytes(1000));
    expect((await service.send('DELETE', location)).status).toBe(204);
    await reported(2);
    expect(events()).toMatchObject([
      { type: 'upload_progress' },
      { type: 'upload_end', bytes: 1000, resumes: 0, abandoned: true },
    ]);
    await service.meter.settle();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is reported from its document when it never began', async () => {
    const stated = { region: 'DE', device: 'tablet', connection: 'unknown' } as const;
    await service.meter.end(`u_${'x'.repeat(32)}`, 'abandoned', { assetId: 'a_1', stated });
    expect(service.reports).toMatchObject([
      { context: stated, event: { type: 'upload_end', assetId: 'a_1', bytes: 0, elapsedMs: 0, abandoned: true } },
    ]);
  });
});
