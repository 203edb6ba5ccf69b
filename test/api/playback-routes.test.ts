import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problemHandler } from '../../src/api/problem.ts';
import { type ManifestFormat, type PlaybackPorts, playbackRoutes } from '../../src/api/routes/playback-routes.ts';
import { type AssetDocument, type Decision, UNKNOWN_CONTEXT, type ViewToken } from '../../src/domain/index.ts';
import { hostedAsset } from '../fixtures/assets.ts';
import { type DescribedService, startDescribedService } from './fixtures/described-service.ts';

const DECISION = { viewId: `v_${'x'.repeat(22)}`, arm: 'baseline', configVersion: 1, allocationVersion: 2 } as Decision;
const TOKEN = { assetId: 'a_1', renditionIds: ['low'] } as ViewToken;

let asset: AssetDocument;
/** Files of the asset that are asked for, in order. */
let sought: string[];
let whole: boolean;
let asked: { peek: boolean }[];
let decodes: readonly string[];
let stop: () => void;
let url: string;

/** The routes alone, over one asset. */
async function start(of: { asset: Partial<AssetDocument>; whole: boolean }): Promise<void> {
  asset = hostedAsset(of.asset);
  whole = of.whole;
  asked = [];
  sought = [];
  const ports: PlaybackPorts = {
    checkKey: () => null,
    edge: { observe: () => ({ context: UNKNOWN_CONTEXT, block: '' }), readStated: () => ({}) },
    asset: async (assetId) => (assetId === asset.id ? asset : null),
    async decideView(request, { peek }) {
      decodes = request.decodes;
      asked.push({ peek });
      return { kind: 'decided', decision: DECISION, token: 'TOKEN' };
    },
    verifyToken: () => ({ kind: 'valid', token: TOKEN }),
    renderManifest: async (_asset, ids, format: ManifestFormat) =>
      format === 'hls' || whole ? `${format} ${ids.join()}` : null,
    mediaFile: async (_assetId, name) => {
      sought.push(name);
      return null;
    },
  };
  const app = express()
    .use(playbackRoutes(ports))
    .use(problemHandler(pino({ level: 'silent' })));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
}
afterEach(() => stop?.());

const get = (path: string, method = 'GET') => fetch(`${url}${path}`, { method, redirect: 'manual' });

describe.each([
  ['master.m3u8', 'hls', 'application/vnd.apple.mpegurl'],
  ['manifest.mpd', 'dash', 'application/dash+xml'],
])('%s', (file, format, mediaType) => {
  it('redirects to the manifest of the view that it decides', async () => {
    await start({ asset: {}, whole: true });
    const answer = await get(`/v/a_1/${file}?sid=s`);
    expect(answer.status).toBe(307);
    expect(answer.headers.get('location')).toBe(`/v/a_1/p/TOKEN/${file}`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('nara-view')).toBe(DECISION.viewId);
    expect(asked).toEqual([{ peek: false }]);
  });

  it('only looks when asked by HEAD', async () => {
    await start({ asset: {}, whole: true });
    expect((await get(`/v/a_1/${file}?sid=s`, 'HEAD')).status).toBe(307);
    expect(asked).toEqual([{ peek: true }]);
  });

  it('hears what the player says that it decodes, and passes over what it does not know', async () => {
    await start({ asset: {}, whole: true });
    const heard = async (query: string) => {
      await get(`/v/a_1/${file}?sid=s${query}`);
      return decodes;
    };
    expect(await heard('')).toEqual([]);
    expect(await heard('&decodes=av1')).toEqual(['av1']);
    expect(await heard('&decodes=h264,AV1,h267,,hevc')).toEqual(['hevc', 'av1']);
    expect(await heard('&decodes=av1&decodes=av1')).toEqual([]);
    expect(await heard('&decodes=')).toEqual([]);
  });

  it('offers what the token says, as its own media type', async () => {
    await start({ asset: {}, whole: true });
    const answer = await get(`/v/a_1/p/TOKEN/${file}`);
    expect(answer.headers.get('content-type')).toContain(mediaType);
    expect(await answer.text()).toBe(`${format} low`);
    expect((await get(`/v/a_2/p/TOKEN/${file}`)).status).toBe(403);
  });
});

describe('an asset whose first rung is still being encoded', () => {
  it('is sent away from DASH for a moment, without a decision', async () => {
    await start({ asset: { availability: 'playable' }, whole: false });
    const answer = await get('/v/a_1/manifest.mpd?sid=s');
    expect(answer.status).toBe(404);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ code: 'asset.not-playable' });
    expect((await get('/v/a_1/p/TOKEN/manifest.mpd')).status).toBe(404);
    expect(asked).toEqual([]);
  });

  it('plays over HLS', async () => {
    await start({ asset: { availability: 'playable' }, whole: false });
    expect((await get('/v/a_1/master.m3u8?sid=s')).status).toBe(307);
  });

  it('plays over DASH once that rung is whole', async () => {
    await start({ asset: { availability: 'playable' }, whole: true });
    expect((await get('/v/a_1/manifest.mpd?sid=s')).status).toBe(307);
  });
});

describe('previews', () => {
  it.each([
    ['poster.webp', 'poster.webp'],
    ['poster-2x.webp', 'poster-2x.webp'],
    ['preview.mp4', 'preview.mp4'],
    ['storyboard.vtt', 'storyboard.vtt'],
    ['storyboard.m3u8', 'storyboard.m3u8'],
    ['storyboard-12.webp', 'storyboard-12.webp'],
    // What all its sprites are called together is the first of them.
    ['storyboard.webp', 'storyboard-0.webp'],
  ])('%s is the file %s beside the asset', async (asked, file) => {
    await start({ asset: {}, whole: true });
    expect((await get(`/v/a_1/${asked}`)).status).toBe(404);
    expect(sought).toEqual([file]);
  });

  it.each(['asset.json', 'previews.json', 'analysis.json', 'storyboard-x.webp', 'poster.webp%2f..'])(
    '%s is none of them',
    async (asked) => {
      await start({ asset: {}, whole: true });
      expect((await get(`/v/a_1/${asked}`)).status).toBe(404);
      expect(sought).toEqual([]);
    },
  );
});

describe('a page of another origin', () => {
  let service: DescribedService;
  beforeAll(async () => {
    service = await startDescribedService();
  });
  afterAll(() => service.stop());

  it.each([
    ['GET', '/v/a_1/master.m3u8', 'cmcd-session,cmcd-request'],
    ['GET', '/v/a_1/p/token/manifest.mpd', 'cmcd-session'],
    ['GET', '/v/a_1/r/low/seg-00000.m4s', 'cmcd-object,cmcd-request,cmcd-session,cmcd-status,range'],
    ['POST', '/v1/cmcd?key=k', 'content-type'],
    ['POST', '/v1/telemetry?key=k', 'content-type'],
  ])('may %s %s with %s', async (method, path, headers) => {
    const preflight = await fetch(`${service.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://site.example',
        'access-control-request-method': method,
        'access-control-request-headers': headers,
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/,\s*/);
    expect(allowed).toEqual(expect.arrayContaining(headers.split(',')));
    expect(preflight.headers.get('access-control-allow-methods')).toContain(method);
  });
});
