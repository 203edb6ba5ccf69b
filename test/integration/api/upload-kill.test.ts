import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEY, startUploads } from '../../api/fixtures/upload-service.ts';
import { waitFor } from '../../fixtures/wait-for.ts';

let directory: string;
let child: ChildProcess;
let url: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nara-kill-'));
  child = fork(join(import.meta.dirname, 'fixtures/upload-process.ts'), [directory], { execArgv: ['--import', 'tsx'] });
  [url] = (await once(child, 'message')) as [string];
});
afterEach(async () => {
  child.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

const chunk = randomBytes(2_000_000);
const sumOf = (bytes: Uint8Array): string => `sha256 ${createHash('sha256').update(bytes).digest('base64')}`;

describe('an API killed while it receives a chunk with a checksum', () => {
  it('leaves a file that is not whole, and the next API goes on from the last verified byte', async () => {
    const headers = { authorization: `Bearer ${KEY}`, 'tus-resumable': '1.0.0' };
    const patching = { ...headers, 'content-type': 'application/offset+octet-stream' };
    const creation = await fetch(`${url}/v1/uploads`, {
      method: 'POST',
      headers: { ...headers, 'upload-length': String(2 * chunk.length) },
    });
    // The next API listens elsewhere: only the path stays.
    const location = new URL(creation.headers.get('location') ?? '', url).pathname;
    const patch = (offset: number, body: unknown, sum: string): Promise<Response> =>
      fetch(`${url}${location}`, {
        method: 'PATCH',
        headers: { ...patching, 'upload-offset': String(offset), 'upload-checksum': sum },
        body,
        duplex: 'half',
      } as RequestInit);
    expect((await patch(0, chunk, sumOf(chunk))).status).toBe(204);

    // Every byte is sent, none of them right, and the request does not end: nobody can know yet.
    const wrong = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(randomBytes(2_000_000))),
    });
    const cutOff = patch(chunk.length, wrong, sumOf(chunk)).catch(() => 'cut off');
    const path = join(directory, basename(location));
    const size = async () => (await stat(path)).size;
    await waitFor('most of the wrong chunk on disk', async () => (await size()) > 1.9 * chunk.length);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await cutOff).toBe('cut off');
    expect(await size()).toBeLessThan(2 * chunk.length);

    const next = await startUploads(directory);
    try {
      expect(await next.offset(location)).toBe(chunk.length);
      const rest = await next.send(
        'PATCH',
        location,
        { 'upload-offset': String(chunk.length), 'upload-checksum': sumOf(chunk) },
        new Uint8Array(chunk),
      );
      expect(rest.status).toBe(204);
      expect(next.finished).toHaveLength(1);
      expect((await readFile(path)).equals(Buffer.concat([chunk, chunk]))).toBe(true);
      expect(await readdir(directory)).toHaveLength(2);
    } finally {
      next.stop();
    }
  });
});
