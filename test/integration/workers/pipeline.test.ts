import { open } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { assetDocumentSchema } from '../../../src/domain/asset.ts';
import { createJobProducer, type JobProducer } from '../../../src/workers/job-producer.ts';
import { runFastLane } from '../../../src/workers/run-fast-lane.ts';
import { runRemainder } from '../../../src/workers/run-remainder.ts';
import type { Workers } from '../../../src/workers/start-workers.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { h264, makeUpload, picture, silent, sound } from '../media/clips.ts';
import { openPlatform, type Platform, plan, startRedis, uploaded, whenAsset } from './platform.ts';

let platform: Platform;
let redis: Awaited<ReturnType<typeof startRedis>>;
let workers: Workers;
let producer: JobProducer;
beforeAll(async () => {
  platform = await openPlatform();
  redis = await startRedis(platform.root);
  workers = await platform.start(redis.url);
  producer = createJobProducer({ redisUrl: redis.url, log: silent });
});
afterAll(async () => {
  await producer.close();
  await workers.stop();
  await redis.stop();
  await platform.close();
});

const clip = (seconds: number) => [...picture('1280x720', 30, seconds), ...sound(seconds), ...h264, '-c:a', 'aac'];

describe('an uploaded clip of eight seconds in 720p', () => {
  beforeAll(async () => {
    await uploaded(platform, 'a_clip', await makeUpload(platform, 'clip', 'mp4', ...clip(8)));
    await producer.enqueueFastLane(hostedAsset({ id: 'a_clip' }));
  });

  test('is playable while it is still processed, and complete as the next revision', async () => {
    const playable = await whenAsset(platform, 'a_clip', ({ availability }) => availability !== 'none');
    expect(playable).toMatchObject({
      state: 'processing',
      availability: 'playable',
      revision: 1,
      plan: { configVersion: plan.configVersion },
    });
    const complete = await whenAsset(platform, 'a_clip', ({ availability }) => availability === 'complete');
    assetDocumentSchema.parse(complete);
    expect(complete).toMatchObject({ state: 'ready', revision: 2 });
    expect(complete.error).toBeUndefined();
    expect(complete.renditions.every(({ qualityMeasured }) => qualityMeasured)).toBe(true);
    expect(Math.max(...complete.renditions.map(({ height }) => height))).toBe(360);
    for (const rung of plan.rungs) {
      const wanted = rung.bitrateKbps * complete.complexityScale;
      const answered = [...complete.renditions.map(({ targetKbps }) => targetKbps), ...(complete.leftOutKbps ?? [])];
      const nearest = answered.map((kbps) => Math.abs(Math.log(kbps / wanted)));
      expect(Math.min(...nearest)).toBeLessThan(Math.log(1.35));
    }
    const { uploadedAt, playableAt, completeAt } = complete.timings;
    expect([uploadedAt, playableAt, completeAt].map((time) => Date.parse(time ?? ''))).toEqual(
      [uploadedAt, playableAt, completeAt].map((time) => Date.parse(time ?? '')).sort((a, b) => a - b),
    );
    expect(platform.announced.filter((a) => 'assetId' in a && a.assetId === 'a_clip').length).toBeGreaterThanOrEqual(3);
    await vi.waitFor(() =>
      expect(platform.jobs).toEqual(expect.arrayContaining(['fast-lane completed', 'encode completed'])),
    );
  });

  test('has something to show before it plays, made beside everything else', async () => {
    const shown = await whenAsset(platform, 'a_clip', ({ previews }) => previews.tiles != null);
    expect(shown.previews).toMatchObject({ poster: 'poster.webp', clip: 'preview.mp4', storyboard: 'storyboard.vtt' });
    expect(shown.previews.thumbhash).not.toBeNull();
    for (const name of ['poster.webp', 'poster-2x.webp', 'preview.mp4', 'storyboard.vtt', 'storyboard-0.webp'])
      expect(await platform.store.size(`assets/a_clip/${name}`), name).toBeGreaterThan(0);
  });

  test('does not change when its jobs run once more', async () => {
    const before = await platform.assets.read('a_clip');
    const { signal } = new AbortController();
    expect(await runFastLane(platform.ports, 'a_clip', signal)).toEqual({ kind: 'nothing-to-do' });
    expect(await runRemainder(platform.ports, 'a_clip', signal)).toEqual({ kind: 'nothing-to-do' });
    expect(await platform.assets.read('a_clip')).toEqual(before);
  });
});

describe('what cannot be encoded fails with words for a person', () => {
  test('a text file that calls itself a video', async () => {
    await platform.store.write('uploads/text', 'I am no video.\n'.repeat(1000));
    await uploaded(platform, 'a_text', 'uploads/text');
    await producer.enqueueFastLane(hostedAsset({ id: 'a_text' }));
    const failed = await whenAsset(platform, 'a_text', ({ state }) => state === 'failed');
    expect(failed).toMatchObject({
      availability: 'none',
      error: {
        code: 'not-media',
        message: expect.stringContaining('not a video'),
        action: expect.stringContaining('MP4'),
      },
    });
  });

  test('a video whose pictures are garbage', async () => {
    const key = await makeUpload(
      platform,
      'garbage',
      'mp4',
      ...picture('320x180', 30, 3),
      ...h264,
      '-movflags',
      '+faststart',
    );
    const file = await open(platform.store.localPath(key) ?? '', 'r+');
    const bytes = await file.readFile();
    const media = bytes.indexOf('mdat', 0, 'latin1') + 4;
    await file.write(Buffer.alloc(bytes.length - media, 0x5a), 0, bytes.length - media, media);
    await file.close();
    await uploaded(platform, 'a_garbage', key);
    await producer.enqueueFastLane(hostedAsset({ id: 'a_garbage' }));
    const failed = await whenAsset(platform, 'a_garbage', ({ state }) => state === 'failed');
    expect(failed.error).toMatchObject({ code: 'broken-bitstream', message: expect.stringContaining('damaged') });
  });

  test('an upload that is not there', async () => {
    await uploaded(platform, 'a_gone', 'uploads/gone');
    await producer.enqueueFastLane(hostedAsset({ id: 'a_gone' }));
    const failed = await whenAsset(platform, 'a_gone', ({ state }) => state === 'failed');
    expect(failed.error?.code).toBe('upload-missing');
  });
});

test('a fast lane cut off after it became playable is finished by the next run, as the same revision', async () => {
  // Without workers, whose reconciliation would finish it first.
  const alone = await openPlatform();
  const cut = new AbortController();
  await uploaded(alone, 'a_cut', await makeUpload(alone, 'cut', 'mp4', ...clip(20)));
  const ports = {
    ...alone.ports,
    announce: async () => {
      if ((await alone.assets.read('a_cut'))?.availability === 'playable') cut.abort();
    },
  };
  await expect(runFastLane(ports, 'a_cut', cut.signal)).rejects.toMatchObject({ code: 'aborted' });
  const playable = await alone.assets.read('a_cut');
  expect(await runRemainder(ports, 'a_cut', new AbortController().signal)).toEqual({ kind: 'fast-lane-first' });
  expect(await runFastLane(ports, 'a_cut', new AbortController().signal)).toEqual({ kind: 'encoded' });
  const finished = await alone.assets.read('a_cut');
  expect(finished).toMatchObject({
    availability: 'playable',
    revision: 1,
    timings: { playableAt: playable?.timings.playableAt },
  });
  expect(finished?.renditions[0]?.id).toBe(playable?.renditions[0]?.id);
  expect(finished?.renditions[0]?.segments).toHaveLength(10);
  await alone.close();
});

test('an asset deleted while it is encoded stays deleted, files and all', async () => {
  await uploaded(platform, 'a_deleted', await makeUpload(platform, 'deleted', 'mp4', ...clip(20)));
  await producer.enqueueFastLane(hostedAsset({ id: 'a_deleted' }));
  await whenAsset(platform, 'a_deleted', ({ availability }) => availability === 'playable');
  await platform.assets.remove('a_deleted');
  await vi.waitFor(
    async () => {
      const counts = await producer.counts();
      expect(counts.filter(({ queue, state, count }) => queue !== 'learn' && count > 0 && state !== 'failed')).toEqual(
        [],
      );
      expect(await platform.store.list('assets/a_deleted')).toEqual([]);
    },
    { timeout: 30_000, interval: 100 },
  );
});

test('learning runs by itself, and on request answers with its result', async () => {
  await vi.waitFor(() => expect(platform.learned).toContainEqual({ shipped: false }), 10_000);
  const answer = await producer.requestLearn(10_000);
  expect(answer).toMatchObject({ kind: 'done', result: { changed: true, views: { matured: 5, used: 4 } } });
  expect(platform.learned).toContainEqual({ shipped: true });
});

test('learning that fails says why, and learning that takes long is still running', async () => {
  const { learn } = platform.ports;
  try {
    platform.ports.learn = () => Promise.reject(new Error('ClickHouse is away'));
    expect(await producer.requestLearn(10_000)).toEqual({ kind: 'unavailable', reason: 'ClickHouse is away' });
    let finish: () => void = () => {};
    platform.ports.learn = async (request, signal) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return learn(request, signal);
    };
    expect(await producer.requestLearn(300)).toEqual({ kind: 'running' });
    finish();
  } finally {
    platform.ports.learn = learn;
  }
});
