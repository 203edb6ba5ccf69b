import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { type Browser, findChromium, startBrowser } from '../fixtures/browser.ts';
import { type PageServer, startPageServer } from '../fixtures/page-server.ts';
import { startService, type TestService } from '../fixtures/service.ts';

const chromium = findChromium();
if (chromium === null) {
  process.stderr.write('\n*** NO CHROMIUM: what is still arriving is NOT played. ***\n\n');
}

const SECONDS = 16;
const PARTS = 80;

let service: TestService;
let pages: PageServer;
let browser: Browser;
beforeAll(async () => {
  service = await startService();
  pages = await startPageServer();
  if (chromium !== null) browser = await startBrowser(chromium);
});
afterAll(async () => {
  await browser?.stop();
  await pages?.stop();
  await service?.stop();
});

/** A clip whose header comes first and tells everything, as cameras in a browser write it. */
async function makeArriving(path: string): Promise<void> {
  const picture = `testsrc2=size=640x360:rate=30:duration=${SECONDS}`;
  const args = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=duration=${SECONDS}`, '-c:v', 'libx264'];
  const how = ['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '30', '-c:a', 'aac', '-movflags', '+faststart'];
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, ...how, path]);
}

/** Sends a file as fast as it plays; `sent` resolves to the answer to its last byte. */
async function sendSlowly(path: string): Promise<{ assetId: string; sent: Promise<number> }> {
  const bytes = await readFile(path);
  const headers = { authorization: `Bearer ${service.key}`, 'tus-resumable': '1.0.0' };
  const created = await fetch(`${service.url}/v1/uploads`, {
    method: 'POST',
    headers: { ...headers, 'upload-length': String(bytes.length) },
  });
  async function* parts() {
    for (let part = 0; part < PARTS; part += 1) {
      yield bytes.subarray((part * bytes.length) / PARTS, ((part + 1) * bytes.length) / PARTS);
      await sleep((SECONDS * 1000) / PARTS);
    }
  }
  const sent = fetch(new URL(created.headers.get('location') ?? '', service.url), {
    method: 'PATCH',
    headers: { ...headers, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' },
    body: ReadableStream.from(parts()),
    duplex: 'half',
  }).then(({ status }) => status);
  return { assetId: created.headers.get('nara-asset-id') ?? '', sent };
}

it.skipIf(chromium === null)('what is still being uploaded plays from its beginning to its end', async () => {
  const path = join(service.directory, 'arriving.mp4');
  await makeArriving(path);
  const { assetId, sent } = await sendSlowly(path);
  const begun = await service.assetWhen(assetId, ({ availability }: Asset) => availability !== 'none');
  expect(begun).toMatchObject({ state: 'uploading', availability: 'playable' });

  const play = async (player: string, page: string) => {
    const opened = await browser.openPage(`${pages.url}/${page}`);
    const url = `${service.url}/v/${assetId}/master.m3u8?sid=${page}`;
    const request = JSON.stringify({ player, url, mostSeconds: 3 * SECONDS });
    const script = `import('/play-through.js').then(({ playToEnd }) => playToEnd(video, ${request}))`;
    return opened.evaluate<Record<string, number>>(script).finally(() => opened.close());
  };
  const played = await Promise.all([play('hls.js', 'hls'), play('shaka-player', 'shaka')]);
  expect(await sent).toBe(204);
  for (const { startedAt, knownSeconds, endedAt, pieces, failures } of played) {
    expect({ failures, pieces }).toEqual({ failures: [], pieces: 1 });
    expect(startedAt).toBeLessThan(0.1);
    expect(knownSeconds).toBeLessThan(SECONDS - 1);
    expect(endedAt).toBeGreaterThan(SECONDS - 0.2);
  }
});
