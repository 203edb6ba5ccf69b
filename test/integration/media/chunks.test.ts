import HLS from 'hls-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredRendition } from '../../../src/domain/asset.ts';
import { readChunkPlan, refuseChunks } from '../../../src/media/chunk-documents.ts';
import { encodeChunk } from '../../../src/media/encode-chunk.ts';
import { encodeFastLane } from '../../../src/media/encode-fast-lane.ts';
import type { EncodeSource, MediaRoom } from '../../../src/media/media-room.ts';
import type { FfmpegJob } from '../../../src/media/plan/ffmpeg-job.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { produceRemainder } from '../../../src/media/produce-remainder.ts';
import { readSegmentClock, readTimescale } from '../../../src/media/segment-clock.ts';
import { h264, makeUpload, openUpload, openWorkshop, picture, plainFfprobe, sound, type Workshop } from './clips.ts';

let workshop: Workshop;
let room: MediaRoom;
let jobs: FfmpegJob[];
beforeAll(async () => {
  workshop = await openWorkshop();
  const { ffmpeg } = workshop;
  const counting = {
    ...ffmpeg,
    run: (...[job, options]: Parameters<typeof ffmpeg.run>) => {
      jobs.push(job);
      return ffmpeg.run(job, options);
    },
  };
  room = { ...workshop, ffmpeg: counting };
});
afterAll(() => workshop.close());

const { signal } = new AbortController();
const rungs = (source: EncodeSource) =>
  [
    { height: 48, bitrateKbps: 20, fps: 5 },
    { height: 90, bitrateKbps: 40, fps: 60 },
  ].map((rung) => planRendition({ uploadKey: source.uploadKey, details: source.input.details }, rung, 1));
async function firstRung(source: EncodeSource): Promise<StoredRendition> {
  const planned = planRendition(
    { uploadKey: source.uploadKey, details: source.input.details },
    { height: 60, bitrateKbps: 15, fps: 60 },
    1,
  );
  return (await encodeFastLane(room, source, planned, { signal, onPlayable: async () => {} })).rendition;
}
const produce = (source: EncodeSource, first: StoredRendition) =>
  produceRemainder(room, source, rungs(source), { first, complexityScale: 1, signal });
async function makeChunk(source: EncodeSource, planId: string, index: number) {
  const plan = await readChunkPlan(workshop.store, source.assetId, planId);
  const chunk = plan?.chunks[index];
  if (!plan || !chunk) throw new Error(`no chunk ${index}`);
  return encodeChunk(room, source, { planId, plan, chunk }, signal);
}
const key = (source: EncodeSource, id: string, file: string): string => `assets/${source.assetId}/r/${id}/${file}`;

type Packet = { pts_time: string; flags: string };
async function packets(source: EncodeSource, id: string): Promise<string[]> {
  const { packets: found } = (await plainFfprobe(
    ...['-select_streams', 'v', '-show_entries', 'packet=pts_time,flags'],
    workshop.store.localPath(key(source, id, 'index.m3u8')) ?? '',
  )) as unknown as { packets: Packet[] };
  return found.map(({ pts_time, flags }) => `${Number(pts_time).toFixed(3)} ${flags.slice(0, 1)}`);
}
/** Same upload, another asset: what it is encoded to there does not count as done here. */
const asAsset = (source: EncodeSource, assetId: string): EncodeSource => ({ ...source, assetId });

/** Just long enough, and no whole number of segments. */
const SECONDS = 125.5;

describe('a source of more than two minutes', () => {
  let source: EncodeSource;
  let first: StoredRendition;
  let planId: string;
  let joined: StoredRendition[];
  beforeAll(async () => {
    jobs = [];
    const key = await makeUpload(
      workshop,
      'long',
      'mp4',
      ...picture('160x90', 8, SECONDS),
      ...sound(SECONDS),
      ...[...h264, '-g', '37', '-bf', '3', '-c:a', 'aac'],
    );
    source = await openUpload(workshop, key);
    first = await firstRung(source);
  });

  test('is cut into chunks of 30 to 60 s, to be made by anyone in any order, each once', async () => {
    const outcome = await produce(source, first);
    if (outcome.kind !== 'in-chunks') throw new Error(outcome.kind);
    expect(outcome.chunks).toEqual([0, 1, 2]);
    planId = outcome.planId;
    jobs = [];
    expect(await makeChunk(source, planId, 2)).toEqual({ kind: 'made' });
    expect(await produce(source, first)).toEqual({ kind: 'in-chunks', planId, chunks: [0, 1] });
    await Promise.all([0, 1].map((index) => makeChunk(source, planId, index)));
    for (const index of [0, 1, 2]) await makeChunk(source, planId, index);
    expect(jobs.map(({ name }) => name)).toEqual(['chunk', 'chunk', 'chunk']);
    const whole = await produce(source, first);
    if (whole.kind !== 'encoded') throw new Error(whole.kind);
    joined = whole.renditions;
    expect(await produce(source, first)).toEqual(whole);
    expect(jobs).toHaveLength(3);
  });

  test('has the frames of the same source encoded in one piece, at the same instants', async () => {
    const other = asAsset(source, 'a_one-piece');
    await refuseChunks(workshop.store, other.assetId, 'test');
    const outcome = await produce(other, first);
    if (outcome.kind !== 'encoded') throw new Error(outcome.kind);
    for (const [index, rendition] of outcome.renditions.entries()) {
      const chunked = joined[index];
      expect(chunked?.segments.map(({ durationMs }) => durationMs)).toEqual(
        rendition.segments.map(({ durationMs }) => durationMs),
      );
      const [inChunks, inOnePiece] = [await packets(source, rendition.id), await packets(other, rendition.id)];
      expect(inChunks.length).toBeGreaterThan(SECONDS * 3);
      expect(inChunks.sort()).toEqual(inOnePiece.sort());
    }
  });

  test('is not joined from headers of two encoders, nor written to once it is encoded in one piece', async () => {
    const other = asAsset(source, 'a_two-encoders');
    const outcome = await produce(other, first);
    if (outcome.kind !== 'in-chunks') throw new Error(outcome.kind);
    const foreign = key(other, rungs(source)[1]?.id ?? '', 'init.mp4');
    await workshop.store.write(foreign, 'of another ffmpeg');
    expect(await makeChunk(other, outcome.planId, 1)).toMatchObject({ kind: 'misfit' });
    await workshop.store.remove(foreign);
    await refuseChunks(workshop.store, other.assetId, 'test');
    await makeChunk(other, outcome.planId, 2);
    expect(await workshop.store.size(foreign)).toBeNull();
  });

  test('has segments without gaps, that decode without a word, and a playlist that others read', async () => {
    for (const rendition of joined) {
      const media = HLS.parse(
        (await workshop.store.read(key(source, rendition.id, 'index.m3u8')))?.toString() ?? '',
      ) as HLS.types.MediaPlaylist;
      expect(media).toMatchObject({ endlist: true, playlistType: 'VOD', mediaSequenceBase: 0 });
      const init = await workshop.store.read(key(source, rendition.id, 'init.mp4'));
      const ticksPerFrame = BigInt(Math.round(readTimescale(init ?? Buffer.alloc(0)) / rendition.fps));
      let frames = 0;
      for (const { uri } of media.segments) {
        const clock = readSegmentClock((await workshop.store.read(key(source, rendition.id, uri))) ?? Buffer.alloc(0));
        expect(clock.startTicks).toBe(BigInt(frames) * ticksPerFrame);
        frames += clock.frames;
      }
      expect(frames).toBe(Math.round(SECONDS * rendition.fps));
    }
  });
});
