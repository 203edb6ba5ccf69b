import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AssetDocument } from '../../../src/domain/asset.ts';
import { earlyTracksKey } from '../../../src/media/asset-store.ts';
import { createJobProducer, type JobProducer } from '../../../src/workers/job-producer.ts';
import { runEarly } from '../../../src/workers/run-early.ts';
import { runFastLane } from '../../../src/workers/run-fast-lane.ts';
import type { Workers } from '../../../src/workers/start-workers.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { makeUpload, picture, silent, sound } from '../media/clips.ts';
import { receiveUploads } from './arriving-uploads.ts';
import { ended, ffmpegsOf, openPlatform, type Platform, plan, startRedis, whenAsset } from './platform.ts';

let platform: Platform;
let redis: Awaited<ReturnType<typeof startRedis>>;
let producer: JobProducer;
let uploads: Awaited<ReturnType<typeof receiveUploads>>;
let running: Workers[];
let children: ChildProcess[];
beforeEach(async () => {
  platform = await openPlatform();
  redis = await startRedis(platform.root);
  producer = createJobProducer({ redisUrl: redis.url, log: silent });
  uploads = await receiveUploads(platform, producer);
  [running, children] = [[], []];
});
afterEach(async () => {
  await uploads.stop();
  await producer.close();
  await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
  await Promise.all(running.map((workers) => workers.stop()));
  await redis.stop();
  await platform.close();
});

const { signal } = new AbortController();
const start = async (): Promise<void> => {
  running.push(await platform.start(redis.url, { lockMs: 1_000, reconcileEveryMs: 300 }));
};

/** Twenty seconds, about 4 MB. */
async function makeClip(...order: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '1500k', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  const key = await makeUpload(
    platform,
    'made',
    'mp4',
    ...[...picture('480x270', 24, 20), ...sound(20), ...encode, ...order],
  );
  return new Uint8Array(await readFile(platform.store.localPath(key) ?? ''));
}
const headerFirst = () => makeClip('-movflags', '+faststart');
const beginning = (file: Uint8Array<ArrayBuffer>, share = 0.5) => file.subarray(0, Math.round(file.length * share));
const isPlayable = ({ availability }: AssetDocument): boolean => availability === 'playable';
const isComplete = ({ availability }: AssetDocument): boolean => availability === 'complete';

async function filesOf({ id, renditions, audio }: AssetDocument): Promise<number[]> {
  const tracks = [...renditions, ...(audio ? [audio] : [])].map((track) => track.id);
  const paths = tracks.map((track) => platform.store.localPath(`assets/${id}/r/${track}/seg-00000.m4s`) ?? '');
  return Promise.all(paths.map(async (path) => (await stat(path)).mtimeMs));
}

/** As the API leaves an asset whose upload has begun, with these bytes of it there. */
async function arriving(id: string, bytes: Uint8Array, declaredBytes: number): Promise<string> {
  const uploadKey = `uploads/u_${id}`;
  const path = platform.store.localPath(uploadKey) ?? '';
  await writeFile(path, bytes);
  await writeFile(`${path}.json`, JSON.stringify({ id: `u_${id}`, size: declaredBytes }));
  const nothing = { revision: 0, durationMs: 0, source: null, plan: null, renditions: [] };
  const timings = { uploadedAt: null, playableAt: null, completeAt: null, upgradedAt: null };
  const createdAt = new Date().toISOString();
  await platform.assets.create(
    hostedAsset({ id, uploadKey, ...nothing, timings, createdAt, state: 'uploading', availability: 'none' }),
  );
  return path;
}

test('a slow upload is playable while it arrives; cut and resumed it completes, and what was made is not made again', async () => {
  await start();
  const file = await headerFirst();
  const { assetId, location } = await uploads.create(file.length);
  // Announcing takes a pace that leaves time, so the first bytes are few.
  const holding = uploads.hold(location, beginning(file, 0.3));
  const early = await whenAsset(platform, assetId, isPlayable);
  expect(early).toMatchObject({ state: 'uploading', revision: 1, durationMs: 20_000, timings: { uploadedAt: null } });
  expect(early.renditions[0]?.segments.length).toBeGreaterThanOrEqual(2);
  const [rung] = early.renditions;
  const playlist = await platform.store.read(`assets/${assetId}/r/${rung?.id}/index.m3u8`);
  expect(String(playlist)).toContain('#EXT-X-PLAYLIST-TYPE:EVENT');
  const made = await filesOf(early);

  await holding.cut();
  expect(await uploads.resume(location, file)).toBe(204);
  const complete = await whenAsset(platform, assetId, isComplete);
  expect(complete).toMatchObject({ state: 'ready', timings: { playableAt: early.timings.playableAt } });
  expect(complete.error).toBeUndefined();
  expect(complete.timings.uploadedAt).not.toBeNull();
  expect(await filesOf(early)).toEqual(made);
  expect(await platform.store.read(`assets/${assetId}/r/${rung?.id}/done.json`)).not.toBeNull();
  expect(await platform.store.read(earlyTracksKey(assetId))).toBeNull();
  expect(uploads.announced).toEqual([assetId]);
  expect(platform.jobs).toEqual(expect.arrayContaining(['early completed', 'fast-lane completed']));
});

test('an uploader who leaves frees the slot, what was made stays playable, and who comes back later is served', async () => {
  const file = await headerFirst();
  const path = await arriving('a_left', beginning(file), file.length);
  expect(await runEarly(platform.ports, 'a_left', signal, 1_500)).toEqual({ kind: 'stalled' });
  expect(await ffmpegsOf(platform)).toEqual([]);
  expect(await readdir(platform.workRoot)).toEqual([]);
  const left = await platform.assets.read('a_left');
  expect(left).toMatchObject({ state: 'uploading', availability: 'playable' });
  const shown = left?.renditions[0]?.segments.length ?? 0;

  await appendFile(path, file.subarray(beginning(file).length));
  expect(await runFastLane(platform.ports, 'a_left', signal)).toEqual({ kind: 'encoded' });
  const asset = await platform.assets.read('a_left');
  expect(asset).toMatchObject({ state: 'processing', availability: 'playable', plan: left?.plan });
  expect(asset?.renditions.map(({ id }) => id)).toEqual(left?.renditions.map(({ id }) => id));
  expect(asset?.renditions[0]?.segments.length).toBeGreaterThan(shown);
});

test('an upload that turns out to be cut short is taken back: it fails as it would have without a head start', async () => {
  const file = await headerFirst();
  const half = beginning(file);
  const path = await arriving('a_short', half.subarray(0, half.length - 1), half.length);
  const early = runEarly(platform.ports, 'a_short', signal);
  await whenAsset(platform, 'a_short', isPlayable);
  await appendFile(path, half.subarray(half.length - 1));
  expect(await early).toEqual({ kind: 'whole' });
  expect(await runFastLane(platform.ports, 'a_short', signal)).toEqual({ kind: 'failed' });
  expect(await platform.assets.read('a_short')).toMatchObject({
    state: 'failed',
    availability: 'none',
    renditions: [],
    error: { code: 'truncated' },
  });
  expect(await platform.store.list('assets/a_short/r')).toEqual([]);
});

test('a file with its index at the end is given up on, and takes the ordinary way', async () => {
  const file = await makeClip();
  const path = await arriving('a_last', beginning(file), file.length);
  expect(await runEarly(platform.ports, 'a_last', signal, 500)).toEqual({ kind: 'given-up' });
  expect(await platform.assets.read('a_last')).toMatchObject({ state: 'uploading', availability: 'none' });
  await appendFile(path, file.subarray(beginning(file).length));
  expect(await runFastLane(platform.ports, 'a_last', signal)).toEqual({ kind: 'encoded' });
});

test('an upload that is taken back meanwhile ends its encode', async () => {
  const file = await headerFirst();
  await arriving('a_gone', beginning(file), file.length);
  const early = runEarly(platform.ports, 'a_gone', signal);
  await whenAsset(platform, 'a_gone', isPlayable);
  await platform.assets.remove('a_gone');
  await expect(early).rejects.toMatchObject({ code: 'asset-removed' });
  expect(await ffmpegsOf(platform)).toEqual([]);
});

test('a worker killed meanwhile is followed by another, and nothing is missing in the end', async () => {
  const file = await headerFirst();
  const path = await arriving('a_killed', beginning(file), file.length);
  const entry = join(import.meta.dirname, 'fixtures/worker.ts');
  const args = [join(platform.root, 'store'), platform.workRoot, redis.url, JSON.stringify(plan)];
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...args], { stdio: 'inherit' });
  children.push(child);
  const asset = await platform.assets.read('a_killed');
  if (asset) await producer.enqueueEarly(asset);
  const early = await whenAsset(platform, 'a_killed', isPlayable);
  await ended(child, 'SIGKILL');
  await vi.waitFor(async () => expect(await ffmpegsOf(platform)).toEqual([]), 5_000);

  await start();
  await appendFile(path, file.subarray(beginning(file).length));
  await vi.waitFor(() => expect(platform.jobs).toContain('fast-lane completed'), { timeout: 40_000, interval: 50 });
  const followed = await platform.assets.read('a_killed');
  expect(followed?.error).toBeUndefined();
  expect(followed).toMatchObject({ availability: expect.stringMatching(/playable|complete/) });
  expect(followed?.renditions.map(({ id }) => id)).toEqual(
    expect.arrayContaining(early.renditions.map(({ id }) => id)),
  );
});
