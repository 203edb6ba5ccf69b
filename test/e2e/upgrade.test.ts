import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Asset } from '../../src/domain/index.ts';
import { createAssetStore } from '../../src/media/asset-store.ts';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { readRunFile } from '../../src/supervisor/run-file.ts';
import { createCollector } from '../../src/workers/collect-garbage.ts';
import { closeQueues, connectForQueues, openQueues } from '../../src/workers/queues.ts';
import { addUpgradeJob } from '../../src/workers/upgrade/upgrade-queue.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { startService, type TestService } from '../fixtures/service.ts';

const DAY_MS = 24 * 3_600_000;

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.stop());

/** Asks the running service's workers for an upgrade, as the look at the library does. */
async function askForUpgrade(assetId: string, missing: { height: number; bitrateKbps: number; fps: number }[]) {
  const run = await readRunFile(join(service.directory, 'data'));
  const connection = { redisUrl: run?.redisUrl ?? '', log: pino({ level: 'silent' }) };
  const redis = connectForQueues(connection);
  const queues = openQueues(redis, connection);
  await addUpgradeJob(queues, { assetId, slower: true, missing, benefit: 1, cpuSeconds: 1 });
  await closeQueues(queues);
  redis.disconnect();
}

/** What a player has of a view: the tokened manifest's address and the media playlists in it. */
async function openManifest(url: string) {
  const response = await fetch(url);
  const playlists = (await response.text()).split('\n').filter((line) => line.endsWith('/index.m3u8'));
  return {
    url: response.url,
    status: response.status,
    playlists: playlists.map((uri) => new URL(uri, response.url).href),
  };
}
async function segmentsOf(playlist: string): Promise<string[]> {
  const lines = (await (await fetch(playlist)).text()).split('\n');
  return lines.filter((line) => line.endsWith('.m4s')).map((uri) => new URL(uri, playlist).href);
}
const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

it('an asset is upgraded under a player that finishes the old revision, and what was replaced is collected a day later', async () => {
  const clip = join(service.directory, 'clip.mp4');
  await makeClip(clip, { seconds: 6, width: 640, height: 360 });
  const id = await service.upload(clip, { owner: 'ann', region: 'NO' });
  const before = await service.assetWhen(id, ({ availability }: Asset) => availability === 'complete');

  const watching = await openManifest(`${service.url}/v/${id}/master.m3u8?sid=watching`);
  const dash = await fetch(`${service.url}/v/${id}/manifest.mpd?sid=watching-dash`);
  const [playlist = ''] = watching.playlists;
  const [first = '', ...rest] = await segmentsOf(playlist);
  expect(await statusOf(first)).toBe(200);

  await askForUpgrade(id, [{ height: 360, bitrateKbps: 3_000, fps: 30 }]);
  const after = await service.assetWhen(id, ({ availability }: Asset) => availability === 'upgraded');
  expect(after).toMatchObject({ state: 'ready', revision: before.revision + 1 });
  expect(after.timings.upgradedAt).not.toBeNull();
  expect(after.renditions).toHaveLength(before.renditions.length + 1);
  const oldIds = before.renditions.map((rendition) => rendition.id);
  expect(after.renditions.filter((rendition) => oldIds.includes(rendition.id))).toEqual([]);

  // The player in the middle: its remaining segments, its playlists again, its manifest again.
  expect(rest.length).toBeGreaterThan(0);
  for (const segment of rest) expect(await statusOf(segment)).toBe(200);
  expect(await openManifest(watching.url)).toEqual({ ...watching });
  for (const each of watching.playlists) expect((await segmentsOf(each)).length).toBeGreaterThan(0);
  const mpdAgain = await fetch(dash.url);
  expect(await mpdAgain.text()).toBe(await dash.text());

  // The same session coming back gets the new revision, whole.
  const reloaded = await openManifest(`${service.url}/v/${id}/master.m3u8?sid=watching`);
  expect(reloaded.playlists.filter((each) => oldIds.some((old) => each.includes(old)))).toEqual([]);
  expect(reloaded.playlists.length).toBeGreaterThan(0);
  for (const each of reloaded.playlists)
    for (const segment of await segmentsOf(each)) expect(await statusOf(segment)).toBe(200);

  expect(await collectAt(Date.now() + DAY_MS)).toEqual([]);
  expect((await collectAt(Date.now() + 2 * DAY_MS)).sort()).toEqual(
    oldIds.map((old) => `assets/${id}/r/${old}`).sort(),
  );
  for (const each of reloaded.playlists) expect(await statusOf(each)).toBe(200);
});

async function collectAt(nowMs: number): Promise<string[]> {
  const store = createDirectoryStore(join(service.directory, 'data', 'media'));
  const assets = createAssetStore(store);
  const collector = createCollector({
    assets,
    store,
    isBusy: async () => false,
    update: async (assetId, change) => {
      const asset = await assets.read(assetId);
      if (asset) await assets.write(change(asset));
    },
    nowMs: () => nowMs,
  });
  return collector.pass();
}
