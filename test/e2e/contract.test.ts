import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import HLS from 'hls-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Allocation, Arm, Asset } from '../../src/domain/index.ts';
import type { QoeGroup } from '../../src/telemetry/qoe.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';
import { waitFor } from '../fixtures/wait-for.ts';

const run = promisify(execFile);

let service: TestService;
let asset: Asset;
beforeAll(async () => {
  service = await startService();
  const clip = join(service.directory, 'clip.mp4');
  await makeClip(clip, { seconds: 8, width: 1280, height: 720 });
  const assetId = await service.upload(clip, { owner: 'ann', region: 'NO', device: 'phone' });
  asset = await service.assetWhen(
    assetId,
    ({ availability, state }) => availability === 'complete' && state === 'ready',
  );
});
afterAll(() => service?.stop());

type Decided = {
  viewId: string;
  viewToken: string;
  arm: string;
  propensity: number;
  eligible: { arm: string; propensity: number; setHash: string }[];
  setHash: string;
  rungs: { renditionId: string }[];
  error?: { code: string };
};

async function decide(sessions: object[], peek = false): Promise<Decided[]> {
  const { status, body } = await service.call<{ decisions: Decided[] }>('POST', '/v1/decisions', { peek, sessions });
  expect(status).toBe(200);
  return body.decisions;
}

const session = (sessionId: string, of: object = {}) => ({
  sessionId,
  assetId: asset.id,
  region: 'NO',
  device: 'phone',
  connection: 'cellular',
  ...of,
});

const viewEvents = (view: Decided, sessionId: string, stalledMs: number) => {
  const base = { sessionId, assetId: asset.id, ts: new Date().toISOString(), viewToken: view.viewToken };
  const rungMs = { [view.rungs[0]?.renditionId ?? '']: 8000 };
  return [
    { ...base, type: 'startup', eventId: 'e1', startupMs: 600 },
    {
      ...base,
      type: 'view_end',
      eventId: 'e2',
      playedMs: 8000,
      stalledMs,
      stallCount: stalledMs > 0 ? 1 : 0,
      startupMs: 600,
      rungMs,
      bytes: 400_000,
    },
  ];
};

describe('an uploaded asset', () => {
  it('is complete with aligned renditions, measured quality and a plan that says why', () => {
    expect(asset.renditions.length).toBeGreaterThanOrEqual(4);
    expect(asset.plan?.reason.length).toBeGreaterThan(20);
    expect(asset.context).toMatchObject({ region: 'NO', device: 'phone' });
    const rising = [...asset.renditions].sort((left, right) => left.bitrateKbps - right.bitrateKbps);
    for (const { quality } of rising) {
      expect(quality.phone).toBeGreaterThanOrEqual(quality.tv);
      expect(quality.phone).toBeGreaterThan(0);
    }
    expect(rising.at(-1)?.quality.desktop).toBeGreaterThan(rising[0]?.quality.desktop ?? 100);
    const { uploadedAt, playableAt, completeAt } = asset.timings;
    expect([uploadedAt, playableAt, completeAt].every((time) => time !== null)).toBe(true);
    expect(JSON.stringify(asset)).not.toContain('uploads/');
  });

  it('keeps its raw upload to itself', async () => {
    const creation = await fetch(`${service.url}/v1/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.key}`, 'tus-resumable': '1.0.0', 'upload-length': '10' },
    });
    expect(creation.status).toBe(201);
    const location = creation.headers.get('location') ?? '';
    expect((await service.call('GET', location)).status).toBe(404);
    const created = creation.headers.get('nara-asset-id') ?? '';
    expect((await service.call<Asset>('GET', `/v1/assets/${created}`)).body.state).toBe('uploading');
  });

  it('that is no video fails with a reason and something to do about it', async () => {
    const path = join(service.directory, 'letter.mp4');
    await writeFile(path, 'Dear viewer, this is a letter.\n'.repeat(200));
    const failed = await service.assetWhen(await service.upload(path), ({ state }) => state === 'failed');
    expect(failed.error?.message).toMatch(/\w+ \w+/);
    expect(failed.error?.action).toMatch(/\w+ \w+/);
    expect((await service.call('GET', `/v/${failed.id}/master.m3u8`)).status).toBe(404);
  });
});

describe('playback', () => {
  it('redirects once with a decision, and an independent parser and ffmpeg accept what it leads to', async () => {
    const { status, headers } = await service.call('GET', `/v/${asset.id}/master.m3u8?sid=viewer-1`);
    expect(status).toBe(307);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('nara-view')).toMatch(/^v_[A-Za-z0-9_-]{22}$/);
    expect(headers.get('nara-arm')).toBeTruthy();
    expect(headers.get('nara-policy')).toMatch(/^\d+\.\d+$/);
    const manifestUrl = new URL(headers.get('location') ?? '', service.url);
    const text = await (await fetch(manifestUrl)).text();
    const master = HLS.parse(text);
    if (!master.isMasterPlaylist) throw new Error('expected a multivariant playlist');
    expect(master.variants.length).toBeGreaterThanOrEqual(2);
    for (const variant of master.variants) {
      const media = HLS.parse(await (await fetch(new URL(variant.uri, manifestUrl))).text());
      if (media.isMasterPlaylist) throw new Error('expected a media playlist');
      expect(media.endlist).toBe(true);
      expect(media.segments.length).toBeGreaterThanOrEqual(4);
      const segment = await fetch(new URL(media.segments[0]?.uri ?? '', new URL(variant.uri, manifestUrl)));
      expect(segment.headers.get('cache-control')).toContain('immutable');
      expect((await segment.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
    const { stdout } = await run('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_type',
      '-of',
      'csv=p=0',
      manifestUrl.href,
    ]);
    expect(stdout).toContain('video');
    expect(stdout).toContain('audio');
  });

  it('gives a session the same view again, and offers what the arm resolves to', async () => {
    const first = await service.call('GET', `/v/${asset.id}/master.m3u8?sid=viewer-2`);
    const again = await service.call('GET', `/v/${asset.id}/master.m3u8?sid=viewer-2`);
    expect(again.headers.get('nara-view')).toBe(first.headers.get('nara-view'));
    expect(again.headers.get('nara-arm')).toBe(first.headers.get('nara-arm'));
  });

  it('refuses a forged manifest link', async () => {
    const { headers } = await service.call('GET', `/v/${asset.id}/master.m3u8?sid=viewer-3`);
    const forged = (headers.get('location') ?? '').replace('/p/W', '/p/X');
    expect((await service.call('GET', forged)).status).toBe(403);
  });
});

describe('decisions', () => {
  it('are idempotent, sum to one, and add up equal treatments', async () => {
    const [first] = await decide([session('d-1')]);
    const [again] = await decide([session('d-1', { device: 'tv' })]);
    expect(again).toMatchObject({ viewId: first?.viewId, arm: first?.arm });
    const eligible = first?.eligible ?? [];
    expect(eligible.reduce((sum, { propensity }) => sum + propensity, 0)).toBeCloseTo(1, 9);
    const same = eligible.filter(({ setHash }) => setHash === first?.setHash);
    expect(same.reduce((sum, { propensity }) => sum + propensity, 0)).toBeCloseTo(first?.propensity ?? 0, 9);
  });

  it('are the ones the manifest makes', async () => {
    const { headers } = await service.call('GET', `/v/${asset.id}/master.m3u8?sid=d-2`);
    const [decision] = await decide([session('d-2')]);
    expect(decision?.viewId).toBe(headers.get('nara-view'));
    expect(decision?.arm).toBe(headers.get('nara-arm'));
  });

  it('answer a bad session with its error and decide the rest', async () => {
    const decisions = await decide([session('bad session'), session('d-3'), session('d-4', { assetId: 'nowhere' })]);
    expect(decisions.map(({ error, viewId }) => error?.code ?? Boolean(viewId))).toEqual([
      'request.invalid',
      true,
      'asset.unknown',
    ]);
  });

  it('work over renditions encoded elsewhere, which are never served here', async () => {
    const quality = { phone: 80, desktop: 70 };
    const external = {
      id: 'ext-1',
      durationMs: 60_000,
      renditions: [150, 262, 459, 803, 1404].map((bitrateKbps, index) => ({
        id: `r${index}`,
        width: 640,
        height: 360,
        fps: 30,
        codec: 'h264',
        bitrateKbps,
        quality,
      })),
    };
    expect((await service.call('POST', '/v1/assets/external', external)).status).toBe(201);
    expect((await service.call('POST', '/v1/assets/external', external)).status).toBe(200);
    expect((await service.call('POST', '/v1/assets/external', { ...external, durationMs: 1 })).status).toBe(409);
    const [decision] = await decide([session('d-5', { assetId: 'ext-1' })]);
    expect(decision?.rungs.length).toBeGreaterThan(0);
    expect((await service.call('GET', '/v/ext-1/master.m3u8')).status).toBe(404);
  });
});

describe('telemetry, learning and QoE', () => {
  it('keeps the good events of a batch, counts every view once, and learns from it', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `t-${index}`);
    const views = await decide(names.map((name) => session(name)));
    const events = views.flatMap((view, index) => viewEvents(view, names[index] ?? '', 500));
    const answer = await service.call('POST', '/v1/telemetry', { events: [...events, { type: 'nonsense' }] });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 80, duplicates: 0, rejected: [{ index: 80 }] });
    expect((await service.call('POST', '/v1/telemetry', { events })).body).toMatchObject({
      accepted: 0,
      duplicates: 80,
    });

    const learned = await service.call('POST', '/v1/policy/learn', {});
    expect(learned.status).toBe(200);
    expect(learned.body).toMatchObject({ changed: true, views: { used: 40 } });
    expect((await service.call('POST', '/v1/policy/learn', {})).body).toMatchObject({ changed: false });

    const qoe = await service.call<{ groups: QoeGroup[] }>('GET', '/v1/qoe?groupBy=region,device,connection');
    const group = qoe.body.groups.find(
      ({ region, device, connection }) => region === 'NO' && device === 'phone' && connection === 'cellular',
    );
    expect(group).toMatchObject({ started: 40, failedToStart: 0, leftBeforeStart: 0 });
    expect(group?.metrics.stallRatio?.value).toBeCloseTo(500 / 8500, 6);
    expect(group?.metrics.startupMsP50?.value).toBeCloseTo(600, 0);
    expect(group?.metrics.bitrateKbps?.value).toBeCloseTo(400, 6);
    expect(group?.metrics.seenQuality?.n).toBe(40);
    expect((group?.views ?? 0) >= 40 && group?.views).toBe((group?.started ?? 0) + (group?.unobserved ?? 0));
  });

  it('is not held up by an event no database takes', async () => {
    const event = {
      type: 'error',
      sessionId: 'odd',
      assetId: asset.id,
      ts: new Date().toISOString(),
      code: 'half \ud800',
    };
    const body = JSON.stringify({
      events: [
        { ...event, eventId: '\udfff' },
        { ...event, eventId: 'nul \u0000' },
      ],
    });
    expect((await service.call('POST', '/v1/telemetry', body)).body).toMatchObject({ accepted: 2 });
    expect((await service.call('POST', '/v1/policy/learn', {})).status).toBe(200);
  });

  it('shows what is offered where, and why', async () => {
    const policy = await service.call<Allocation>('GET', '/v1/policy');
    const cell = policy.body.contexts.find(({ level, device }) => level === 'cell' && device === 'phone');
    expect(cell?.arms.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 6);
    const { body } = await service.call<{ arms: Arm[] }>('GET', '/v1/policy/arms');
    expect(body.arms.filter(({ baseline }) => baseline)).toHaveLength(1);
    expect(body.arms.length).toBeGreaterThanOrEqual(6);
    const explained = await service.call<{ summary: string; arms: unknown[] }>(
      'GET',
      '/v1/policy/explain?region=NO&device=phone&connection=cellular',
    );
    expect(explained.body.summary).toMatch(/\w+ \w+/);
    expect(explained.body.arms).toHaveLength(body.arms.length);
  });

  it('accounts for everything it received', async () => {
    const audit = await waitFor('everything to be shipped', async () => {
      const { body } = await service.call<Record<string, number>>('GET', '/v1/telemetry/audit');
      return body.waiting === 0 ? body : null;
    });
    expect(audit.received).toBe((audit.stored ?? 0) + (audit.duplicates ?? 0) + (audit.deadLettered ?? 0));
  });
});

describe('the rest of the surface', () => {
  it('announces asset and policy changes on the live feed', async () => {
    const { body } = await service.call<{ token: string }>('POST', '/v1/feed/tokens', { topics: ['assets', 'policy'] });
    const socket = new WebSocket(`${service.url.replace('http', 'ws')}/v1/feed`, 'nara.v1');
    const heard: { op: string; topic?: string; data?: Partial<Asset> }[] = [];
    socket.on('message', (data) => heard.push(JSON.parse(String(data))));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify({ op: 'hello', token: body.token }));
    socket.send(JSON.stringify({ op: 'subscribe', topics: ['assets', 'policy'] }));
    await waitFor('ready', () => heard.some(({ op }) => op === 'ready'));
    const clip = join(service.directory, 'short.mp4');
    await makeClip(clip, { seconds: 2, width: 320, height: 240 });
    const assetId = await service.upload(clip, { owner: 'bea' });
    await service.assetWhen(assetId, ({ availability }) => availability === 'complete');
    const said = (topic: string, wanted: (data: Partial<Asset>) => boolean) => () =>
      heard.some((message) => message.topic === topic && wanted(message.data ?? {}));
    await waitFor(
      'the asset on the feed',
      said('assets', ({ id, availability }) => id === assetId && availability === 'complete'),
    );
    const [view] = await decide([session('feed-1')]);
    if (!view) throw new Error('expected a decision');
    await service.call('POST', '/v1/telemetry', { events: viewEvents(view, 'feed-1', 0) });
    expect((await service.call('POST', '/v1/policy/learn', {})).body).toMatchObject({ changed: true });
    await waitFor(
      'the policy on the feed',
      said('policy', () => true),
    );
    socket.close();
  });

  it('lists assets newest first, page by page, by owner, and deletes them', async () => {
    const first = await service.call<{ assets: Asset[]; next: string | null }>('GET', '/v1/assets?limit=1');
    expect(first.body.assets).toHaveLength(1);
    const second = await service.call<{ assets: Asset[] }>(
      'GET',
      `/v1/assets?limit=1&cursor=${encodeURIComponent(first.body.next ?? '')}`,
    );
    expect(second.body.assets[0]?.id).not.toBe(first.body.assets[0]?.id);
    const owned = await service.call<{ assets: Asset[] }>('GET', '/v1/assets?owner=bea');
    expect(owned.body.assets.map(({ owner }) => owner)).toEqual(['bea']);
    const id = owned.body.assets[0]?.id;
    expect((await service.call('DELETE', `/v1/assets/${id}`)).status).toBe(204);
    expect((await service.call('GET', `/v1/assets/${id}`)).status).toBe(404);
  });

  it('answers mistakes as problem+json naming the field', async () => {
    const { status, body, headers } = await service.call<{ errors: object[] }>('GET', '/v1/qoe?groupBy=planet');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(body.errors[0]).toMatchObject({ path: 'groupBy[0]', received: expect.anything() });
    const anonymous = await fetch(`${service.url}/v1/assets`);
    expect(anonymous.status).toBe(401);
    expect((await service.call('GET', '/nowhere')).status).toBe(404);
  });

  it('shows metrics, health, its description and its page without a key', async () => {
    const get = async (path: string) => (await fetch(new URL(path, service.url))).text();
    expect(await get('/metrics')).toContain('nara_decisions_total');
    expect(await get('/healthz')).toContain('ok');
    expect(JSON.parse(await get('/openapi.json')).openapi).toMatch(/^3\.1/);
    expect(await get('/')).toContain('NARA-1r');
  });
});
