import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { type Browser, findChromium, startBrowser } from '../fixtures/browser.ts';
import { checkPackage } from '../fixtures/check-package.ts';
import { type PageServer, startPageServer } from '../fixtures/page-server.ts';
import { makeClips } from '../fixtures/publish-clips.ts';
import { startService, type TestService } from '../fixtures/service.ts';

const chromium = findChromium();
if (chromium === null) {
  process.stderr.write(
    '\n*** NO CHROMIUM: published assets are NOT played. apt-get install chromium, or set CHROMIUM. ***\n\n',
  );
}

type Published = { name: string; asset: Asset };
type Thumbnail = { url: string; x: number; y: number; width: number; height: number };
type PlayedThrough = {
  rungs: { width: number; height: number }[];
  shownWidths: number[];
  startedAt: number;
  endedAt: number;
  duration: number;
  thumbnail: Thumbnail | null;
  failures: string[];
};

const PLAYERS = [
  { player: 'hls.js', page: 'hls', manifest: 'master.m3u8', hasThumbnails: false },
  { player: 'shaka-player', page: 'shaka', manifest: 'master.m3u8', hasThumbnails: true },
  { player: 'shaka-player', page: 'shaka', manifest: 'manifest.mpd', hasThumbnails: true },
  { player: 'dash.js', page: 'dash', manifest: 'manifest.mpd', hasThumbnails: true },
] as const;
/** Two cores decode so many videos at a time. */
const AT_A_TIME = 6;
/** A video lasts as long as the longer of its tracks, to within a frame of sound or picture. */
const SAME_SECONDS = 0.1;

let service: TestService;
let published: Published[];

beforeAll(async () => {
  service = await startService();
  const clips = await makeClips(service.directory);
  const uploads = await Promise.all(clips.map(async ({ name, path }) => ({ name, id: await service.upload(path) })));
  const whole = ({ availability, state, previews }: Asset) =>
    availability === 'complete' && state === 'ready' && previews.tiles != null;
  published = [];
  for (const { name, id } of uploads) published.push({ name, asset: await service.assetWhen(id, whole) });
}, 480_000);
afterAll(() => service?.stop());

const urlOf = ({ asset }: Published, file: string): string => `${service.url}/v/${asset.id}/${file}`;

describe('every published asset', () => {
  it('is accepted by independent parsers, and keeps our own rules, in every playlist, MPD and segment', async () => {
    const problems = published.map(async (of) => {
      const { durationMs } = of.asset;
      // One session: two that share no id may draw different arms, and are offered different rungs.
      const found = await checkPackage({
        hlsUrl: `${urlOf(of, 'master.m3u8')}?sid=checked`,
        mpdUrl: `${urlOf(of, 'manifest.mpd')}?sid=checked`,
        durationMs,
      });
      return found.map((problem) => `${of.name}: ${problem}`);
    });
    expect((await Promise.all(problems)).flat()).toEqual([]);
  });

  it('has previews that are immutable and fit each other', async () => {
    for (const of of published) {
      const { poster, clip, storyboard, thumbhash, tiles } = of.asset.previews;
      expect(thumbhash, of.name).toMatch(/^[A-Za-z0-9+/]{20,40}=*$/);
      for (const file of [poster, 'poster-2x.webp', clip, storyboard, 'storyboard.webp', 'storyboard.m3u8']) {
        const answer = await fetch(urlOf(of, String(file)));
        expect([of.name, file, answer.status]).toEqual([of.name, file, 200]);
        expect(answer.headers.get('cache-control')).toContain('immutable');
        const bytes = (await answer.arrayBuffer()).byteLength;
        if (file === clip) expect(bytes, of.name).toBeLessThan(100_000);
      }
      const vtt = await (await fetch(urlOf(of, 'storyboard.vtt'))).text();
      const sprites = new Set(vtt.match(/^storyboard-\d+\.webp/gm));
      expect(sprites.size, of.name).toBe(tiles?.spriteBytes.length);
      for (const sprite of sprites)
        expect((await fetch(urlOf(of, sprite))).headers.get('content-type')).toBe('image/webp');
    }
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

  async function play(of: Published, { player, page, manifest }: (typeof PLAYERS)[number]): Promise<PlayedThrough> {
    const opened = await browser.openPage(`${pages.url}/${page}`);
    try {
      const request = JSON.stringify({ player, url: `${urlOf(of, manifest)}?sid=${page}-${manifest}` });
      return await opened.evaluate(
        `import('/play-through.js').then(({ playThrough }) => playThrough(video, ${request}))`,
      );
    } catch (error) {
      const said = opened.console.slice(-5).join('\n');
      throw new Error(`${of.name} in ${player} (${manifest}): ${String(error)}\n${said}`, { cause: error });
    } finally {
      await opened.close();
    }
  }

  it.each(PLAYERS)('$player plays every asset through from $manifest, switches rungs and seeks', async (by) => {
    for (let from = 0; from < published.length; from += AT_A_TIME) {
      const some = published.slice(from, from + AT_A_TIME);
      for (const [index, played] of (await Promise.all(some.map((of) => play(of, by)))).entries()) {
        const { name, asset } = some[index] as Published;
        expect(played.failures, name).toEqual([]);
        expect(played.startedAt, name).toBeLessThan(SAME_SECONDS);
        expect(Math.abs(played.duration - asset.durationMs / 1000), `${name} lasts`).toBeLessThan(SAME_SECONDS);
        expect(Math.abs(played.endedAt - played.duration), `${name} ends`).toBeLessThan(SAME_SECONDS);
        const [lowest, highest] = [played.rungs[0], played.rungs.at(-1)];
        if (asset.durationMs > 2500 && highest && lowest && highest.width > lowest.width)
          expect(played.shownWidths, `${name} switches`).toEqual(expect.arrayContaining([highest.width, lowest.width]));
        if (by.hasThumbnails) {
          const { width, height } = asset.previews.tiles ?? {};
          expect(played.thumbnail, `${name} has a thumbnail`).toMatchObject({ y: 0, width, height });
          expect(played.thumbnail?.url, name).toBe(`${service.url}/v/${asset.id}/storyboard-0.webp`);
        }
      }
    }
  });
});
