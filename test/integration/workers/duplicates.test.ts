import { copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AssetDocument } from '../../../src/domain/asset.ts';
import type { Workers } from '../../../src/workers/start-workers.ts';
import { hostedAsset } from '../../fixtures/assets.ts';
import { h264, makeUpload, picture, sound } from '../media/clips.ts';
import { openPlatform, type Platform, startRedis, uploaded, whenAsset } from './platform.ts';

let platform: Platform;
let redis: Awaited<ReturnType<typeof startRedis>>;
let workers: Workers | null;
let encoded: string[];
beforeEach(async () => {
  platform = await openPlatform();
  redis = await startRedis(platform.root);
  [workers, encoded] = [null, []];
  const { ffmpeg } = platform;
  const counting = {
    ...ffmpeg,
    run: (...args: Parameters<typeof ffmpeg.run>) => {
      encoded.push(args[0].name);
      return ffmpeg.run(...args);
    },
  };
  platform.ports.media = { ...platform.ports.media, ffmpeg: counting };
});
afterEach(async () => {
  await workers?.stop();
  await redis.stop();
  await platform.close();
});

const isComplete = ({ availability }: AssetDocument): boolean => availability === 'complete';
const start = async () => {
  workers = await platform.start(redis.url, { reconcileEveryMs: 200 });
};
const upload = (name: string) =>
  makeUpload(platform, name, 'mp4', ...picture('640x360', 30, 4), ...sound(4), ...h264, '-c:a', 'aac');
/** The same file again, under another key. */
async function again(key: string, name: string): Promise<string> {
  const path = (of: string): string => platform.store.localPath(of) ?? '';
  await copyFile(path(key), path(`uploads/${name}`));
  return `uploads/${name}`;
}
const encodes = () => encoded.filter((name) => name === 'fast-lane' || name === 'remainder');
const filesOf = async ({ id, renditions }: AssetDocument) =>
  Promise.all(
    renditions.map((rendition) => stat(platform.store.localPath(`assets/${id}/r/${rendition.id}/seg-00000.m4s`) ?? '')),
  );

test('the same bytes from the same owner are encoded once, however close together they come', async () => {
  const key = await upload('first');
  const owned = (id: string, uploadKey: string) => uploaded(platform, id, uploadKey);
  await owned('a_1', key);
  await owned('a_2', await again(key, 'second'));
  await start();
  const [first, second] = await Promise.all(['a_1', 'a_2'].map((id) => whenAsset(platform, id, isComplete)));
  if (!first || !second) throw new Error('not there');
  const [original, copy] = first.duplicateOf === undefined ? [first, second] : [second, first];
  expect(copy.duplicateOf).toBe(original.id);
  expect(copy.renditions).toEqual(original.renditions);
  expect(copy).toMatchObject({ state: 'ready', audio: original.audio, plan: original.plan, source: original.source });
  expect(encodes()).toEqual(['fast-lane', 'remainder']);
  expect((await filesOf(copy)).map(({ ino }) => ino)).toEqual((await filesOf(original)).map(({ ino }) => ino));

  await platform.assets.remove(original.id);
  expect((await filesOf(copy)).every(({ size }) => size > 0)).toBe(true);
});

test('the same bytes from somebody else are encoded again: nobody is told what others have', async () => {
  const key = await upload('first');
  await platform.assets.create(hostedAsset({ ...fresh, id: 'a_1', owner: 'ann', uploadKey: key }));
  await platform.assets.create(
    hostedAsset({ ...fresh, id: 'a_2', owner: 'bea', uploadKey: await again(key, 'second') }),
  );
  await start();
  for (const id of ['a_1', 'a_2']) expect(await whenAsset(platform, id, isComplete)).not.toHaveProperty('duplicateOf');
  expect(encodes()).toHaveLength(4);
  expect(await readdir(join(platform.root, 'store', 'duplicates'))).toHaveLength(2);
});

const fresh: Partial<AssetDocument> = {
  state: 'processing',
  availability: 'none',
  revision: 0,
  source: null,
  plan: null,
  renditions: [],
};
