import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UploadMeter } from '../../../src/api/upload-meter.ts';
import type { UploadReport } from '../../../src/api/uploads/upload-events.ts';
import { UNKNOWN_CONTEXT } from '../../../src/domain/index.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

const UPLOAD = 'u_1';
let directory: string;
let nowMs: number;
let reports: UploadReport[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-meter-'));
  await writeFile(join(directory, `${UPLOAD}.json`), JSON.stringify({ metadata: { 'nara-asset-id': 'a_1' } }));
  nowMs = 0;
  reports = [];
});
afterEach(() => rm(directory, { recursive: true }));

const startMeter = () =>
  new UploadMeter({
    directory,
    report: (report) => reports.push(report),
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
const uploader = { context: UNKNOWN_CONTEXT, block: '', trusted: false };
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function receive(body: PassThrough, bytes: number, afterMs: number): Promise<void> {
  nowMs += afterMs;
  body.write(Buffer.alloc(bytes));
  await settled();
}

describe('an API that is killed in the middle of a chunk', () => {
  it('leaves what it measured until a moment ago, and the next one goes on from there', async () => {
    const killed = startMeter();
    const body = new PassThrough();
    killed.begin(body, { uploadId: UPLOAD, uploader });
    body.resume();
    await killed.lostItsPlace(UPLOAD); // Asked behind it, so it has been found by then.
    for (let n = 0; n < 7; n += 1) await receive(body, 1000, 1000);
    await killed.settle();
    expect(await readdir(directory)).toContain(`${UPLOAD}.figures`);
    expect(reports).toEqual([]);

    const next = startMeter();
    const rest = new PassThrough();
    next.begin(rest, { uploadId: UPLOAD, uploader });
    rest.resume();
    await next.lostItsPlace(UPLOAD);
    await receive(rest, 500, 1000);
    const measured = await next.measure(UPLOAD, 10_000);
    expect(measured.resumes).toBe(1);
    expect(measured.bytes).toBeGreaterThanOrEqual(5500);
    expect(measured.bytes).toBeLessThanOrEqual(7500);
    expect(measured.elapsedMs).toBe(measured.bytes - 500 + 1000);
    await next.settle();
    expect(reports.map(({ event }) => event.eventId)).toEqual(['chunk-2']);
  });
});

describe('an upload that comes twice at once', () => {
  it('is a resume: its uploader left before we knew', async () => {
    const meter = startMeter();
    const [first, second] = [new PassThrough(), new PassThrough()];
    meter.begin(first, { uploadId: UPLOAD, uploader });
    first.resume();
    await receive(first, 100, 10);
    meter.begin(second, { uploadId: UPLOAD, uploader });
    second.resume();
    await receive(second, 200, 10);
    expect(await meter.measure(UPLOAD, 300)).toMatchObject({ bytes: 300, resumes: 1 });
    await meter.settle();
  });
});

describe('an upload that is asked about while it arrives', () => {
  it('shows its line before its first chunk is over, and asking changes nothing', async () => {
    const meter = startMeter();
    const body = new PassThrough();
    expect(await meter.soFar(UPLOAD)).toBeNull();
    meter.begin(body, { uploadId: UPLOAD, uploader });
    body.resume();
    expect(await meter.soFar(UPLOAD)).toBeNull();
    await receive(body, 300_000, 1000);
    expect(await meter.soFar(UPLOAD)).toEqual({ bytes: 300_000, elapsedMs: 1000, resumes: 0 });
    await receive(body, 100_000, 1000);
    expect(await meter.soFar(UPLOAD)).toEqual({ bytes: 400_000, elapsedMs: 2000, resumes: 0 });
    body.end();
    await waitFor('the report', () => reports.length === 1);
    expect(await meter.soFar(UPLOAD)).toEqual({ bytes: 400_000, elapsedMs: 2000, resumes: 0 });
    await meter.settle();
  });

  it('tells nothing of its line where the service made it wait', async () => {
    const meter = startMeter();
    const body = new PassThrough();
    meter.begin(body, { uploadId: UPLOAD, uploader });
    body.resume();
    await meter.lostItsPlace(UPLOAD);
    await receive(body, 300_000, 1000);
    meter.held(UPLOAD, 500);
    await settled();
    expect(await meter.soFar(UPLOAD)).toMatchObject({ elapsedMs: 0 });
    body.destroy();
    await waitFor('the report', () => reports.length === 1);
    await meter.settle();
  });
});

describe('what cannot be measured', () => {
  it('is an upload that is not there: nothing is reported and nothing is left', async () => {
    const meter = startMeter();
    const body = new PassThrough();
    meter.begin(body, { uploadId: 'u_none', uploader });
    body.resume();
    await receive(body, 100, 10);
    body.end();
    await settled();
    await meter.end('u_none', 'abandoned');
    await meter.settle();
    expect(reports).toEqual([]);
    expect(await readdir(directory)).toEqual([`${UPLOAD}.json`]);
  });

  it('leaves no figures beside an upload that was removed meanwhile', async () => {
    const meter = startMeter();
    const body = new PassThrough();
    meter.begin(body, { uploadId: UPLOAD, uploader });
    body.resume();
    await receive(body, 100, 10);
    await meter.lostItsPlace(UPLOAD);
    await rm(join(directory, `${UPLOAD}.json`));
    body.end();
    await waitFor('the report', () => reports.length === 1);
    await meter.settle();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is made up for by its size, when figures are damaged', async () => {
    await writeFile(join(directory, `${UPLOAD}.figures`), '{"chunks":');
    expect(await startMeter().measure(UPLOAD, 4711)).toEqual({ bytes: 4711, elapsedMs: 0, resumes: 0 });
  });
});
