import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import HLS from 'hls-parser';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../src/media/directory-store.ts';
import { markDone, readDone, segmentName, trackPrefix } from '../../src/media/finished-tracks.ts';
import { describeAudio, describeRendition } from '../../src/media/measure-tracks.ts';
import { parseMediaPlaylist } from '../../src/media/media-playlist.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { createTrackPublisher } from '../../src/media/track-publisher.ts';
import { sweepWorkDirectories, withWorkDirectory } from '../../src/media/work-directory.ts';
import { rendition } from '../fixtures/assets.ts';
import { initSegment } from './init-segment.ts';

let root: string;
let output: string;
let store: MediaStore;
const prefix = trackPrefix('a_1', 'low');
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-tracks-'));
  output = join(root, 'output');
  await mkdir(output);
  store = createDirectoryStore(join(root, 'store'));
});
afterEach(() => rm(root, { recursive: true }));

/** As ffmpeg does: segments, then the playlist that lists them. */
async function ffmpegWrites(count: number, from = 0): Promise<void> {
  if (from === 0) await writeFile(join(output, 'init.mp4'), 'init');
  const all = Array.from({ length: count }, (_, index) => segmentName(index));
  for (const name of all.slice(from)) await writeFile(join(output, name), name);
  await writeFile(join(output, 'index.m3u8'), all.map((name) => `#EXTINF:2.000,\n${name}\n`).join(''));
}
const published = async () => parseMediaPlaylist((await store.read(`${prefix}/index.m3u8`))?.toString() ?? '');

describe('a track in the making', () => {
  test('grows in the store as ffmpeg finishes segments, and closes when it ends', async () => {
    const publisher = createTrackPublisher(store, output, prefix);
    await publisher.advance();
    expect(publisher.published()).toBeNull();
    await ffmpegWrites(2);
    await publisher.advance();
    expect(publisher.published()?.segments).toHaveLength(2);
    expect(await published()).toMatchObject({ ended: false, segments: [{ durationMs: 2000 }, {}] });
    expect(await readdir(output)).toEqual(['index.m3u8']);
    await ffmpegWrites(3, 2);
    const track = await publisher.finish();
    expect(track).toMatchObject({ bytes: 4 + 3 * 13, segments: [{}, {}, { uri: 'seg-00002.m4s', bytes: 13 }] });
    expect(await published()).toMatchObject({ ended: true, segments: [{}, {}, {}] });
    expect((await store.read(`${prefix}/seg-00001.m4s`))?.toString()).toBe('seg-00001.m4s');
  });

  test('never shrinks while it is made again after a crash', async () => {
    await ffmpegWrites(3);
    await createTrackPublisher(store, output, prefix).advance();
    const again = createTrackPublisher(store, output, prefix);
    await ffmpegWrites(1);
    await again.advance();
    expect((await published()).segments).toHaveLength(3);
    await ffmpegWrites(4, 1);
    await again.advance();
    expect((await published()).segments).toHaveLength(4);
  });

  test('is none when ffmpeg wrote nothing', async () => {
    expect(await createTrackPublisher(store, output, prefix).finish()).toBeNull();
    expect(await store.list('assets')).toEqual([]);
  });
});

describe('a finished track', () => {
  async function finish(): Promise<void> {
    await ffmpegWrites(2);
    const track = await createTrackPublisher(store, output, prefix).finish();
    if (track) await markDone(store, 'a_1', { ...track, rendition: rendition({ id: 'low', bitrateKbps: 300 }) });
  }

  test('is known by its marker, which says what it is', async () => {
    expect(await readDone(store, 'a_1', 'low')).toBeNull();
    await finish();
    expect(await readDone(store, 'a_1', 'low')).toMatchObject({ rendition: { id: 'low' }, segmentCount: 2, bytes: 30 });
  });

  test('is not believed when a file is missing, short, or the marker is half', async () => {
    await finish();
    await store.write(`${prefix}/seg-00001.m4s`, 'short');
    expect(await readDone(store, 'a_1', 'low')).toBeNull();
    await store.remove(`${prefix}/seg-00001.m4s`);
    expect(await readDone(store, 'a_1', 'low')).toBeNull();
    await finish();
    await store.write(`${prefix}/done.json`, '{"bytes":');
    expect(await readDone(store, 'a_1', 'low')).toBeNull();
  });
});

const segment = (durationMs: number, bytes: number, keyframeBytes?: number) => ({
  uri: 'x',
  durationMs,
  bytes,
  keyframe: keyframeBytes === undefined ? null : { offset: 76, bytes: keyframeBytes },
});
const init = Buffer.alloc(700);

test('rates come from the segments; a stub at the end is no peak by itself, the init segment no bitrate', () => {
  const track = { init, segments: [segment(2000, 25_000), segment(2000, 50_000), segment(20, 5_000)] };
  const audio = describeAudio('audio', 6, track);
  expect(audio).toEqual({
    id: 'audio',
    codecs: 'mp4a.40.2',
    channels: 2,
    bitrateKbps: 159.2,
    // 55,000 bytes in the last 2.02 s: the stub is fetched right after the segment before it.
    peakKbps: 217.8,
    bytes: 80_700,
  });
});

test('the peak is that of the worst run of segments which lasts half to one and a half target durations', () => {
  const someSegments = fc.array(
    fc.record({ durationMs: fc.integer({ min: 100, max: 4000 }), bytes: fc.integer({ min: 1, max: 500_000 }) }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(someSegments, (some) => {
      const track = { init, segments: some.map(({ durationMs, bytes }) => segment(durationMs, bytes)) };
      const { bitrateKbps, peakKbps = 0 } = describeAudio('audio', 2, track);
      const targetMs = 1000 * Math.max(2, ...some.map(({ durationMs }) => Math.round(durationMs / 1000)));
      const runs = some.flatMap((_, from) => some.slice(from).map((_, more) => some.slice(from, from + more + 1)));
      const sum = (of: number[]): number => of.reduce((total, value) => total + value, 0);
      const rates = runs.flatMap((run) => {
        const ms = sum(run.map(({ durationMs }) => durationMs));
        const counts = ms >= targetMs / 2 && ms <= targetMs * 1.5;
        return counts ? [(sum(run.map(({ bytes }) => bytes)) * 8) / ms] : [];
      });
      expect(peakKbps).toBeCloseTo(Math.max(bitrateKbps, ...rates, 0.1), 0);
    }),
  );
});

describe('keyframes alone', () => {
  const planned = { id: 'low', size: { width: 256, height: 144 }, fps: 30, targetKbps: 100, gopSeconds: 2 };
  const avcC = [1, 0x64, 0, 0x1e];

  test('are measured, and listed by their bytes, when every segment begins with one', async () => {
    const segments = [segment(2000, 25_000, 5000), segment(1500, 20_000, 7500)];
    const rendition = describeRendition(planned, { init: initSegment(avcC), segments }, 1);
    expect(rendition.iframes).toEqual({ bitrateKbps: 28.6, peakKbps: 40 });
    await markDone(store, 'a_1', { bytes: 1, sha256: 'x'.repeat(64), segments, rendition });
    const text = (await store.read(`${prefix}/iframes.m3u8`))?.toString() ?? '';
    expect(text.match(/^#EXT-X-BYTERANGE:.*$/gm)).toEqual(['#EXT-X-BYTERANGE:5000@76', '#EXT-X-BYTERANGE:7500@76']);
    expect(HLS.parse(text)).toMatchObject({ isIFrame: true, endlist: true, targetDuration: 2 });
  });

  test('are not spoken of when one segment begins otherwise', async () => {
    const segments = [segment(2000, 25_000, 5000), segment(2000, 20_000)];
    const rendition = describeRendition(planned, { init: initSegment(avcC), segments }, 1);
    expect(rendition).not.toHaveProperty('iframes');
    await markDone(store, 'a_1', { bytes: 1, sha256: 'x'.repeat(64), segments, rendition });
    expect(await store.read(`${prefix}/iframes.m3u8`)).toBeNull();
  });
});

describe('work directories', () => {
  test('are gone when the work is done, or failed', async () => {
    const work = join(root, 'work');
    const seen = await withWorkDirectory(work, 'a_1.x', async (path) => {
      await writeFile(join(path, 'file'), 'x');
      return path;
    });
    expect(seen.startsWith(work)).toBe(true);
    await expect(withWorkDirectory(work, 'a_1.x', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(work)).toEqual([]);
  });

  test('of processes that are no more are swept, those of the living stay', async () => {
    const work = join(root, 'work');
    const ofTheDead = '999999999.a_1.remainder.x';
    for (const name of [ofTheDead, `${process.ppid}.a_1.x`, 'someone-elses']) {
      await mkdir(join(work, name), { recursive: true });
    }
    await withWorkDirectory(work, 'a_1.x', async () => {
      expect(await sweepWorkDirectories(work)).toBe(1);
      expect(await readdir(work)).not.toContain(ofTheDead);
      expect(await readdir(work)).toHaveLength(3);
    });
  });

  test('of an earlier process that had our id, as in a container, are swept', async () => {
    const work = join(root, 'work');
    await mkdir(join(work, `${process.pid}-1700000000000.a_1.x`), { recursive: true });
    expect(await sweepWorkDirectories(work)).toBe(1);
  });
});
