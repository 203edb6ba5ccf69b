import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AssetDocument, assetDocumentSchema } from '../../../src/domain/asset.ts';
import { renderMpd } from '../../../src/media/package-dash.ts';
import { renderMultivariantPlaylist } from '../../../src/media/package-hls.ts';
import { readTimelines } from '../../../src/media/read-timelines.ts';
import { isAsGood, twinsOf } from '../../../src/policy/codec-twins.ts';
import { runFastLane } from '../../../src/workers/run-fast-lane.ts';
import { runRemainder } from '../../../src/workers/run-remainder.ts';
import { runUpgrade } from '../../../src/workers/upgrade/run-upgrade.ts';
import { h264, makeUpload, plainFfprobe } from '../media/clips.ts';
import { openPlatform, type Platform, uploaded } from './platform.ts';

const { signal } = new AbortController();
const isIdle = async () => true;
const job = (assetId: string) => ({ assetId, slower: false, missing: [], av1: true });

let platform: Platform;
beforeAll(async () => {
  platform = await openPlatform();
});
afterAll(() => platform.close());

/** A complete asset of this picture. */
async function published(id: string, picture: string): Promise<AssetDocument> {
  const source = ['-f', 'lavfi', '-i', picture, ...h264, '-crf', '16'];
  await uploaded(platform, id, await makeUpload(platform, id, 'mp4', ...source));
  await runFastLane(platform.ports, id, signal);
  await runRemainder(platform.ports, id, signal);
  return documentOf(id);
}
async function documentOf(id: string): Promise<AssetDocument> {
  const asset = await platform.assets.read(id);
  if (!asset) throw new Error(`there is no asset ${id}`);
  return asset;
}
async function frames(id: string, rendition: string): Promise<{ pts_time: string; flags: string }[]> {
  const path = platform.store.localPath(`assets/${id}/r/${rendition}/index.m3u8`) ?? '';
  const of = ['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags', path];
  return (await plainFfprobe(...of)).packets as never;
}
/** From the first: ffprobe reads playlists from their first decoding time, which B-frames put before the first picture's. */
async function keyTimes(id: string, rendition: string): Promise<number[]> {
  const packets = await frames(id, rendition);
  const times = packets.filter(({ flags }) => flags.startsWith('K')).map(({ pts_time }) => Number(pts_time));
  return times.map((time) => Number((time - (times[0] ?? 0)).toFixed(3)));
}

/** The platform's ports, and the names of the encodes that are run through them. */
function counting() {
  const names: string[] = [];
  const { ffmpeg } = platform.ports.media;
  const run: typeof ffmpeg.run = (one, options) => {
    if (one.name !== 'quality') names.push(one.name);
    return ffmpeg.run(one, options);
  };
  const media = { ...platform.ports.media, ffmpeg: { ...ffmpeg, run } };
  return { ports: { ...platform.ports, media }, encodes: () => names };
}

describe('a title that is tried in AV1', () => {
  let before: AssetDocument;
  let after: AssetDocument;
  beforeAll(async () => {
    before = await published('a_film', 'testsrc2=size=426x240:rate=30000/1001:duration=4,noise=alls=4:allf=t');
    expect(await runUpgrade(platform.ports, job('a_film'), isIdle, signal)).toMatchObject({ kind: 'upgraded' });
    after = await documentOf('a_film');
  }, 120_000);

  test('has a twin of every rung beside it: as good, smaller, in another revision', () => {
    assetDocumentSchema.parse(after);
    expect(after).toMatchObject({ state: 'ready', availability: 'upgraded', revision: before.revision + 1 });
    expect(
      after.renditions
        .filter(({ codec }) => codec === 'h264')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(before.renditions.map(({ id }) => id).sort());
    expect(after.retired).toBeUndefined();
    const twins = twinsOf(after.renditions, 'av1');
    expect(twins.size).toBe(before.renditions.length);
    for (const rung of before.renditions) {
      const twin = twins.get(rung.id);
      expect(twin?.codecs).toMatch(/^av01\.0\.\d\dM\.08$/);
      expect(twin && isAsGood(twin.quality, rung.quality, 0.5)).toBe(true);
      expect(twin?.bitrateKbps).toBeLessThan(rung.bitrateKbps);
      expect(twin?.segments.map(({ durationMs }) => durationMs)).toEqual(rung.segments.map((of) => of.durationMs));
      expect(twin?.iframes?.bitrateKbps).toBeGreaterThan(0);
    }
    const [trial] = after.codecTrials ?? [];
    expect(trial).toMatchObject({ codec: 'av1', offered: true });
    expect(trial?.savedShare).toBeGreaterThan(0.1);
  });

  test('has keyframes at the instants of its H.264, and as many frames', async () => {
    for (const [rung, twin] of twinsOf(after.renditions, 'av1')) {
      expect(await keyTimes('a_film', twin.id)).toEqual(await keyTimes('a_film', rung));
      expect((await frames('a_film', twin.id)).length).toBe((await frames('a_film', rung)).length);
    }
  });

  test('is packaged in one codec, with its own I-frames', async () => {
    const twins = [...twinsOf(after.renditions, 'av1').values()].map(({ id }) => id);
    const { renditions, audio } = after;
    const hls = renderMultivariantPlaylist({ renditions, audio, renditionIds: twins, whole: true });
    expect(hls.match(/CODECS="av01/g)).toHaveLength(2 * twins.length);
    expect(hls).not.toContain('avc1');
    const timelines = await readTimelines(platform.store, 'a_film', twins);
    const mpd = timelines && renderMpd({ renditions, audio, renditionIds: twins, timelines });
    expect(mpd?.match(/<AdaptationSet /g)).toHaveLength(1);
    expect(mpd).toContain('segmentAlignment="true"');
    for (const id of twins) expect(await platform.store.size(`assets/a_film/r/${id}/iframes.m3u8`)).toBeGreaterThan(0);
  });

  test('is left as it is by the same job once more, and by a job that was cut short before it was written down', async () => {
    expect(await runUpgrade(platform.ports, job('a_film'), isIdle, signal)).toEqual({ kind: 'nothing-to-do' });
    const files = await platform.store.list('assets/a_film/r');
    const { codecTrials: _, ...untold } = { ...after, renditions: before.renditions, revision: before.revision };
    await platform.assets.write(untold);
    const { ports, encodes } = counting();
    expect(await runUpgrade(ports, job('a_film'), isIdle, signal)).toMatchObject({ kind: 'upgraded' });
    expect(encodes()).toEqual([]);
    expect(await platform.store.list('assets/a_film/r')).toEqual(files);
    expect((await documentOf('a_film')).renditions).toEqual(after.renditions);
  });

  test('steps back between two encodes when an upload waits, and goes on with what is missing alone', async () => {
    await platform.assets.write({ ...after, renditions: before.renditions, revision: before.revision });
    const twins = twinsOf(after.renditions, 'av1');
    for (const { id } of before.renditions.slice(0, 2))
      await platform.store.remove(`assets/a_film/r/${twins.get(id)?.id}`);
    let asked = 0;
    const isIdleTwice = async () => {
      asked += 1;
      return asked <= 2;
    };
    await expect(runUpgrade(platform.ports, job('a_film'), isIdleTwice, signal)).rejects.toThrow('uploads are being');
    const { ports, encodes } = counting();
    expect(await runUpgrade(ports, job('a_film'), isIdle, signal)).toMatchObject({ kind: 'upgraded' });
    expect(encodes()).toEqual(['upgrade']);
    expect((await documentOf('a_film')).renditions).toEqual(after.renditions);
  });
});

test('a title that would save too little keeps its H.264 alone, and it is written down', async () => {
  const before = await documentOf('a_film');
  const rungs = before.renditions.filter(({ codec }) => codec === 'h264');
  const twins = rungs.map(({ id }) => ({ standsFor: id, crf: 40, kbps: 95, insteadOfKbps: 100 }));
  const trial = { version: 1, of: rungs.map(({ id }) => id).sort(), twins };
  await platform.store.write('assets/a_film/codec-trial.json', JSON.stringify(trial));
  await platform.assets.write({ ...before, renditions: rungs });
  const outcome = await runUpgrade(platform.ports, job('a_film'), isIdle, signal);
  expect(outcome).toEqual({ kind: 'saves-too-little', savedShare: 0.05 });
  const after = await documentOf('a_film');
  expect(after).toMatchObject({ revision: before.revision, renditions: rungs });
  expect(after.codecTrials).toMatchObject([{ codec: 'av1', savedShare: 0.05, offered: false }]);
});
