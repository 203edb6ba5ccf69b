import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AssetDocument } from '../../../src/domain/asset.ts';
import type { FfmpegJob } from '../../../src/media/plan/ffmpeg-job.ts';
import { addAssetJob, addChunkJobs, closeQueues, connectForQueues, openQueues } from '../../../src/workers/queues.ts';
import type { Workers } from '../../../src/workers/start-workers.ts';
import { h264, makeUpload, picture, silent, sound } from '../media/clips.ts';
import { ended, ffmpegsOf, openPlatform, type Platform, plan, startRedis, uploaded, whenAsset } from './platform.ts';

let platform: Platform;
let redis: Awaited<ReturnType<typeof startRedis>>;
let running: Workers[];
let children: ChildProcess[];
let jobs: FfmpegJob[];
beforeEach(async () => {
  platform = await openPlatform();
  redis = await startRedis(platform.root);
  [running, children, jobs] = [[], [], []];
  const { ffmpeg } = platform.ports.media;
  platform.ports.media = {
    ...platform.ports.media,
    ffmpeg: {
      ...ffmpeg,
      run: (...[job, options]: Parameters<typeof ffmpeg.run>) => {
        jobs.push(job);
        return ffmpeg.run(job, options);
      },
    },
  };
});
afterEach(async () => {
  await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
  await Promise.all(running.map((workers) => workers.stop()));
  await redis.stop();
  await platform.close();
});

/** A machine busy with other things. */
const PATIENCE_MS = 180_000;

const isComplete = ({ availability }: AssetDocument): boolean => availability === 'complete';
async function start(): Promise<void> {
  running.push(await platform.start(redis.url, { lockMs: 1_000, reconcileEveryMs: 300 }));
}
async function uploadLongClip(): Promise<void> {
  const [size, fps, seconds] = ['160x90', 5, 122] as const;
  const args = [...picture(size, fps, seconds), ...sound(seconds), ...h264, '-c:a', 'aac'];
  await uploaded(platform, 'a_long', await makeUpload(platform, 'long', 'mp4', ...args));
}
/** Chunks whose marker is written. */
async function marked(): Promise<string[]> {
  const chunks = join(platform.root, 'store/assets/a_long/chunks');
  const [planId = ''] = await readdir(chunks).catch(() => []);
  const names = await readdir(join(chunks, planId)).catch(() => []);
  return names.filter((name) => /^\d+\.json$/.test(name)).sort();
}
/** When each segment that counts as made was written. */
async function writtenAt(names: readonly string[]): Promise<number[]> {
  const store = join(platform.root, 'store/assets/a_long');
  const [planId = ''] = await readdir(join(store, 'chunks'));
  const files: string[] = [];
  for (const name of names) {
    const marker = JSON.parse(await readFile(join(store, 'chunks', planId, name), 'utf8'));
    const { chunks } = JSON.parse(await readFile(join(store, 'chunks', planId, 'plan.json'), 'utf8'));
    for (const track of marker.tracks) {
      const index = chunks[Number.parseInt(name, 10)].firstSegment;
      files.push(join(store, 'r', track.id, `seg-${String(index).padStart(5, '0')}.m4s`));
    }
  }
  return Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
}

test(
  'a worker killed among the chunks of a long video costs that chunk alone, and Redis may forget them all',
  async () => {
    await uploadLongClip();
    const entry = join(import.meta.dirname, 'fixtures/worker.ts');
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', entry, join(platform.root, 'store'), platform.workRoot, redis.url, JSON.stringify(plan)],
      { stdio: 'inherit' },
    );
    children.push(child);
    await vi.waitFor(async () => expect((await marked()).length).toBeGreaterThan(0), { timeout: 100_000, interval: 5 });
    await ended(child, 'SIGKILL');
    await vi.waitFor(async () => expect(await ffmpegsOf(platform)).toEqual([]), 5_000);
    const before = await marked();
    const written = await writtenAt(before);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();

    await start();
    await vi.waitFor(async () => expect(await marked()).toHaveLength(3), { timeout: 100_000, interval: 5 });
    expect(await writtenAt(before)).toEqual(written);
    const complete = await whenAsset(platform, 'a_long', isComplete);
    expect(complete).toMatchObject({ state: 'ready', revision: 2 });
    expect(jobs.filter(({ name }) => name === 'chunk')).toHaveLength(3 - before.length);
    expect(jobs.map(({ name }) => name)).not.toContain('remainder');
    const [durations] = complete.renditions.map(({ segments }) => segments.map(({ durationMs }) => durationMs));
    for (const { segments } of complete.renditions)
      expect(segments.map(({ durationMs }) => durationMs)).toEqual(durations);
    await vi.waitFor(async () => expect(await platform.store.list('assets/a_long/chunks')).toEqual([]), 5_000);
  },
  PATIENCE_MS,
);

test(
  'two workers share the chunks of one video, and say how far they are',
  async () => {
    await uploadLongClip();
    await start();
    await start();
    expect(await whenAsset(platform, 'a_long', isComplete)).toMatchObject({ state: 'ready', revision: 2 });
    expect(jobs.filter(({ name }) => name === 'chunk')).toHaveLength(3);
    const shares = platform.announced.flatMap((told) => (told.type === 'asset.progress' ? [told.share] : []));
    expect(shares).toContain(1);
    expect(shares).toHaveLength(3);
  },
  PATIENCE_MS,
);

test('somebody else’s video does not wait for the chunks of a long one, and long ones take turns', async () => {
  const client = connectForQueues({ redisUrl: redis.url, log: silent });
  const queues = openQueues(client, { redisUrl: redis.url, log: silent });
  const createdAt = new Date().toISOString();
  const cut = { planId: 'abc', chunks: [0, 1, 2] };
  await addChunkJobs(queues, { id: 'a_1', owner: 'one', createdAt }, cut);
  await addChunkJobs(queues, { id: 'a_2', owner: 'two', createdAt }, cut);
  await addAssetJob(queues, 'encode', { id: 'a_3', owner: 'three', createdAt });
  await addChunkJobs(queues, { id: 'a_1', owner: 'one', createdAt }, cut);
  const order = (await queues.encode.getPrioritized()).map(({ id }) => id);
  await closeQueues(queues);
  client.disconnect();
  const chunk = (asset: string, index: number): string => `chunk-${asset}-abc-${index}`;
  expect(order).toEqual([
    ...[chunk('a_1', 0), chunk('a_2', 0), 'encode-a_3'],
    ...[chunk('a_1', 1), chunk('a_2', 1), chunk('a_1', 2), chunk('a_2', 2)],
  ]);
});

test(
  'a source whose pictures are not where the whole has them is encoded in one piece',
  async () => {
    await uploadLongClip();
    const { ffmpeg } = platform.ports.media;
    platform.ports.media = {
      ...platform.ports.media,
      ffmpeg: {
        ...ffmpeg,
        // A seek that lands where it should not.
        run: (job, options) =>
          ffmpeg.run(
            job.name !== 'chunk'
              ? job
              : {
                  ...job,
                  inputs: job.inputs.map((input) => ({
                    ...input,
                    options: input.options.map((option) =>
                      /^\d+\.5$/.test(option) ? `${Number(option) + 30}` : option,
                    ),
                  })),
                },
            options,
          ),
      },
    };
    await start();
    const complete = await whenAsset(platform, 'a_long', isComplete);
    expect(complete).toMatchObject({ state: 'ready', revision: 2 });
    expect(jobs.filter(({ name }) => name === 'remainder')).toHaveLength(1);
    const [durations] = complete.renditions.map(({ segments }) => segments.map(({ durationMs }) => durationMs));
    for (const { segments } of complete.renditions)
      expect(segments.map(({ durationMs }) => durationMs)).toEqual(durations);
  },
  PATIENCE_MS,
);
