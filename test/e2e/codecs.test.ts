import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { createFfmpeg } from '../../src/media/ffmpeg.ts';
import type { TranscodePorts } from '../../src/workers/transcode-ports.ts';
import { runUpgrade } from '../../src/workers/upgrade/run-upgrade.ts';
import { type Browser, type BrowserPage, findChromium, startBrowser } from '../fixtures/browser.ts';
import { checkPackage } from '../fixtures/check-package.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { type PageServer, startPageServer } from '../fixtures/page-server.ts';
import { startService, type TestService } from '../fixtures/service.ts';

const execute = promisify(execFile);
const chromium = findChromium();

const PLAYERS = [
  { player: 'hls.js', page: 'hls', manifest: 'master.m3u8' },
  { player: 'shaka-player', page: 'shaka', manifest: 'manifest.mpd' },
  { player: 'dash.js', page: 'dash', manifest: 'manifest.mpd' },
] as const;

let service: TestService;
let asset: Asset;
/** A session that was drawn AV1: one in twenty stays with H.264. */
let sid: string;

beforeAll(async () => {
  service = await startService();
  const clip = join(service.directory, 'clip.mp4');
  await makeClip(clip, { seconds: 5, width: 640, height: 360, noise: 4 });
  const id = await service.upload(clip);
  await service.assetWhen(id, ({ availability }: Asset) => availability === 'complete');
  await makeAv1(id);
  asset = await service.assetWhen(id, ({ codecTrials }: Asset) => codecTrials !== undefined);
  expect(asset).toMatchObject({ availability: 'upgraded', codecTrials: [{ codec: 'av1', offered: true }] });
  sid = await drawnAv1();
}, 240_000);
afterAll(() => service?.stop());

/** Makes it as a worker does, on the service's store: its own would wait for whatever else this machine does. */
async function makeAv1(assetId: string): Promise<void> {
  const store = createDirectoryStore(join(service.directory, 'data', 'media'));
  const log = pino({ level: 'silent' });
  const ffmpeg = createFfmpeg({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', log });
  const ports: TranscodePorts = {
    media: { store, ffmpeg, workRoot: join(service.directory, 'work'), log },
    assets: createAssetStore(store),
    planEncode: () => Promise.reject(new Error('it is planned already')),
    announce: async () => {},
    clock: { nowMs: () => Date.now() },
  };
  const job = { assetId, slower: false, missing: [], av1: true };
  await runUpgrade(ports, job, async () => true, new AbortController().signal);
}

const addressOf = (session: string, file = 'master.m3u8'): string =>
  `${service.url}/v/${asset.id}/${file}?sid=${session}`;
const codecsIn = async (url: string): Promise<string[]> => {
  const manifest = await (await fetch(url)).text();
  return [...new Set(manifest.match(/\b(avc1|av01)\b/g))];
};

async function drawnAv1(): Promise<string> {
  for (let n = 0; n < 20; n += 1) {
    const session = `drawn-${n}`;
    if ((await codecsIn(`${addressOf(session)}&decodes=av1`)).includes('av01')) return session;
  }
  throw new Error('no session of 20 was drawn AV1');
}

describe('an asset that is there in AV1', () => {
  it('is offered so, in that codec alone, to those who have said that they decode it, and in H.264 to everybody else', async () => {
    for (const file of ['master.m3u8', 'manifest.mpd']) {
      expect(await codecsIn(`${addressOf(sid, file)}&decodes=av1`)).toEqual(['av01']);
      expect(await codecsIn(addressOf('silent', file))).toEqual(['avc1']);
      expect(await codecsIn(`${addressOf('other', file)}&decodes=hevc`)).toEqual(['avc1']);
    }
    // The same view comes back without saying so: it could not play AV1 after all.
    expect(await codecsIn(addressOf(sid))).toEqual(['avc1']);
    expect(await codecsIn(`${addressOf(sid)}&decodes=av1`)).toEqual(['av01']);
  });

  it('is accepted by independent parsers in every playlist, MPD and segment', async () => {
    const said = '&decodes=av1';
    const urls = { hlsUrl: addressOf(sid) + said, mpdUrl: addressOf(sid, 'manifest.mpd') + said };
    expect(await checkPackage({ ...urls, durationMs: asset.durationMs })).toEqual([]);
  });
});

describe.skipIf(chromium === null)('a player in a real browser', () => {
  let pages: PageServer;
  let browser: Browser;
  beforeAll(async () => {
    pages = await startPageServer();
    browser = await startBrowser(chromium ?? '');
  });
  afterAll(async () => {
    await browser?.stop();
    await pages?.stop();
  });

  /** Mean difference between neighbours of what the page shows, on a small grey copy: none where it is of one colour. */
  async function detailOf(page: BrowserPage): Promise<number> {
    const path = join(service.directory, 'page.png');
    await writeFile(path, await page.screenshot());
    const grey = ['-vf', 'scale=64:36,format=gray', '-f', 'rawvideo', '-'];
    const options = { encoding: 'buffer' as const };
    const { stdout } = await execute('ffmpeg', ['-v', 'error', '-i', path, ...grey], options);
    const steps = [...stdout.subarray(1)].map((value, index) => Math.abs(value - (stdout[index] ?? 0)));
    return steps.reduce((sum, step) => sum + step, 0) / steps.length;
  }

  it.each(PLAYERS)('$player plays AV1 through from $manifest, switches rungs and seeks', async (by) => {
    const page = await browser.openPage(`${pages.url}/${by.page}`);
    try {
      const detailBefore = await detailOf(page);
      const decodes = await page.evaluate<string>(`import('/players/decodes.js').then((it) => it.askWhatDecodes())`);
      expect(decodes).toBe('&decodes=av1');
      const request = JSON.stringify({ player: by.player, url: addressOf(sid, by.manifest) + decodes });
      const played = await page.evaluate<{ rungs: { width: number }[]; shownWidths: number[]; failures: string[] }>(
        `import('/play-through.js').then(({ playThrough }) => playThrough(video, ${request}, { keep: true }))`,
      );
      expect(played.failures).toEqual([]);
      const widths = played.rungs.map(({ width }) => width);
      expect(played.shownWidths).toEqual(expect.arrayContaining([Math.min(...widths), Math.max(...widths)]));
      expect(await detailOf(page)).toBeGreaterThan(detailBefore + 3);
      const fetched = await page.evaluate<string[]>(
        `performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => /p-.*m4s/.test(name))`,
      );
      expect(fetched.length).toBeGreaterThan(0);
      expect(fetched.filter((name) => !name.includes('-av1-'))).toEqual([]);
    } finally {
      await page.close();
    }
  });
});
