import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AssetDocument } from '../../../src/domain/asset.ts';
import { createJobProducer } from '../../../src/workers/job-producer.ts';
import type { Workers } from '../../../src/workers/start-workers.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { h264, makeUpload, picture, silent, sound } from '../media/clips.ts';
import {
  ended,
  ffmpegsOf,
  openPlatform,
  type Platform,
  plan,
  startRedis,
  uploaded,
  whenAsset,
  whenRemainderRuns,
} from './platform.ts';

let platform: Platform;
let redis: Awaited<ReturnType<typeof startRedis>>;
let running: Workers[];
let children: ChildProcess[];
beforeEach(async () => {
  platform = await openPlatform();
  redis = await startRedis(platform.root);
  [running, children] = [[], []];
});
afterEach(async () => {
  await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
  await Promise.all(running.map((workers) => workers.stop()));
  await redis.stop();
  await platform.close();
});

async function start(options: Parameters<Platform['start']>[1] = {}): Promise<Workers> {
  const workers = await platform.start(redis.url, { lockMs: 1_000, reconcileEveryMs: 300, ...options });
  running.push(workers);
  return workers;
}
/** Long and large enough that its remainder takes a while on any machine. */
async function uploadLongClip(): Promise<void> {
  const key = await makeUpload(
    platform,
    'clip',
    'mp4',
    ...picture('1280x720', 30, 16),
    ...sound(16),
    ...h264,
    '-c:a',
    'aac',
  );
  await uploaded(platform, 'a_clip', key);
}
const isPlayable = ({ availability }: AssetDocument): boolean => availability === 'playable';
const isComplete = ({ availability }: AssetDocument): boolean => availability === 'complete';
async function writtenAt(asset: AssetDocument): Promise<number[]> {
  const files = [...asset.renditions, ...(asset.audio ? [asset.audio] : [])].flatMap(({ id }) =>
    ['init.mp4', 'seg-00000.m4s', 'done.json'].map(
      (file) => platform.store.localPath(`assets/${asset.id}/r/${id}/${file}`) ?? '',
    ),
  );
  return Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
}

test('a worker killed in the middle of the remainder leaves no ffmpeg, and another finishes without redoing what was done', async () => {
  await uploadLongClip();
  const entry = join(import.meta.dirname, 'fixtures/worker.ts');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', entry, join(platform.root, 'store'), platform.workRoot, redis.url, JSON.stringify(plan)],
    { stdio: 'inherit' },
  );
  children.push(child);
  await whenRemainderRuns(platform);
  const playable = await whenAsset(platform, 'a_clip', isPlayable);
  const before = await writtenAt(playable);
  await ended(child, 'SIGKILL');
  await vi.waitFor(async () => expect(await ffmpegsOf(platform)).toEqual([]), 5_000);

  await start();
  const complete = await whenAsset(platform, 'a_clip', isComplete);
  expect(complete).toMatchObject({ state: 'ready', revision: 2 });
  expect(complete.renditions.map(({ id }) => id)).toEqual(
    expect.arrayContaining(playable.renditions.map(({ id }) => id)),
  );
  expect(await writtenAt(playable)).toEqual(before);
  expect(platform.jobs).not.toContain('fast-lane completed');
});

test('Redis may lose everything in the middle: reconciliation queues what is missing and it completes', async () => {
  await uploadLongClip();
  await start();
  await whenAsset(platform, 'a_clip', isPlayable);
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
  const complete = await whenAsset(platform, 'a_clip', isComplete);
  expect(complete).toMatchObject({ state: 'ready', revision: 2 });
  expect(complete.error).toBeUndefined();
});

test('Redis killed and started empty is noticed by nobody but the log', async () => {
  await uploadLongClip();
  await start();
  await whenAsset(platform, 'a_clip', isPlayable);
  await redis.stop();
  redis = await startRedis(platform.root);
  expect(await whenAsset(platform, 'a_clip', isComplete)).toMatchObject({ state: 'ready', revision: 2 });
});

test('a worker that is asked to stop gives its job back at once, and another takes it up', async () => {
  await uploadLongClip();
  const first = await platform.start(redis.url);
  running.push(first);
  await whenRemainderRuns(platform);
  await first.stop();
  expect(await ffmpegsOf(platform)).toEqual([]);
  const producer = createJobProducer({ redisUrl: redis.url, log: silent });
  const counts = (await producer.counts()).filter(({ queue }) => queue === 'encode');
  await producer.close();
  expect(counts).toContainEqual({ queue: 'encode', state: 'waiting', count: 1 });
  expect(platform.jobs).toContain('encode released');
  await start({ reconcileEveryMs: 600_000 });
  expect(await whenAsset(platform, 'a_clip', isComplete)).toMatchObject({ state: 'ready', revision: 2 });
});

test('a worker stops in time when Redis is away', async () => {
  await uploadLongClip();
  const workers = await platform.start(redis.url);
  await whenRemainderRuns(platform);
  await redis.stop();
  await workers.stop();
  expect(await ffmpegsOf(platform)).toEqual([]);
});

test('the fast lane of a second upload does not wait behind the first one’s remainder', async () => {
  await uploadLongClip();
  await start();
  await whenRemainderRuns(platform);
  await uploaded(
    platform,
    'a_second',
    await makeUpload(platform, 'second', 'mp4', ...picture('320x180', 30, 3), ...h264),
  );
  await whenAsset(platform, 'a_second', isPlayable);
  expect(await platform.assets.read('a_clip')).toMatchObject({ availability: 'playable' });
});

test('nothing hangs while Redis is away: queueing and learning say so', async () => {
  await redis.stop();
  const producer = createJobProducer({ redisUrl: redis.url, log: silent });
  await expect(producer.enqueueFastLane(hostedAsset({ id: 'a_1' }))).rejects.toThrow();
  expect(await producer.requestLearn(1000)).toMatchObject({ kind: 'unavailable' });
  await expect(producer.counts()).rejects.toThrow();
  await producer.close();
});

test('an upload made while Redis was away is encoded when it is back', async () => {
  await redis.stop();
  await start();
  await uploaded(platform, 'a_clip', await makeUpload(platform, 'clip', 'mp4', ...picture('320x180', 30, 3), ...h264));
  redis = await startRedis(platform.root);
  expect(await whenAsset(platform, 'a_clip', isComplete)).toMatchObject({ state: 'ready' });
});
