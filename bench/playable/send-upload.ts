import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** An upload on its way; `acknowledgedAtMs` resolves (performance.now) when its last byte was taken. */
export type Sending = { assetId: string; acknowledgedAtMs: Promise<number> };

const PACED_PART_BYTES = 16 * 1024;

/** Sends a file over tus in one piece, spread over `seconds` when given. */
export async function sendUpload(
  target: { url: string; key: string },
  path: string,
  seconds: number | null,
): Promise<Sending> {
  const { size } = await stat(path);
  const headers = { authorization: `Bearer ${target.key}`, 'tus-resumable': '1.0.0' };
  const created = await fetch(`${target.url}/v1/uploads`, {
    method: 'POST',
    headers: {
      ...headers,
      'upload-length': String(size),
      // Of one owner the same bytes would be encoded once.
      'upload-metadata': `owner ${Buffer.from(randomUUID()).toString('base64')}`,
    },
  });
  const location = created.headers.get('location');
  const assetId = created.headers.get('nara-asset-id');
  if (location === null || assetId === null) throw new Error(`upload not created: ${created.status}`);
  const file = createReadStream(path, { highWaterMark: seconds === null ? 1024 * 1024 : PACED_PART_BYTES });
  const body = seconds === null ? file : Readable.from(paced(file, size / seconds));
  return { assetId, acknowledgedAtMs: patch(new URL(location, target.url), headers, size, body) };
}

async function patch(url: URL, headers: Record<string, string>, size: number, body: Readable): Promise<number> {
  const sending = request(url, {
    method: 'PATCH',
    headers: {
      ...headers,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': '0',
      'content-length': String(size),
    },
  });
  const answered = new Promise<number>((resolve, reject) => {
    sending.once('error', reject);
    sending.once('response', (response) => {
      const atMs = performance.now();
      response.resume();
      if (response.statusCode === 204) resolve(atMs);
      else reject(new Error(`chunk answered ${response.statusCode}`));
    });
  });
  await Promise.all([pipeline(body, sending), answered]);
  return answered;
}

async function* paced(file: Readable, bytesPerSecond: number): AsyncGenerator<Buffer> {
  const beganAtMs = performance.now();
  let sent = 0;
  for await (const part of file as AsyncIterable<Buffer>) {
    const dueMs = beganAtMs + (sent / bytesPerSecond) * 1000;
    if (dueMs > performance.now()) await sleep(dueMs - performance.now());
    yield part;
    sent += part.length;
  }
}
