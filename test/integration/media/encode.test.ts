import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import HLS from 'hls-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LadderRung } from '../../../src/domain/arm.ts';
import { storedRenditionSchema } from '../../../src/domain/asset.ts';
import { settleAnalysis } from '../../../src/media/analyse-title.ts';
import { encodeFastLane, type FastLaneTracks } from '../../../src/media/encode-fast-lane.ts';
import { encodeRemainder } from '../../../src/media/encode-remainder.ts';
import { measureQuality } from '../../../src/media/measure-quality.ts';
import type { EncodeSource } from '../../../src/media/media-room.ts';
import { renderMultivariantPlaylist } from '../../../src/media/package-hls.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import {
  h264,
  makeUpload,
  openUpload,
  openWorkshop,
  picture,
  plainFfmpeg,
  plainFfprobe,
  sound,
  type Workshop,
} from './clips.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

const { signal } = new AbortController();
const planned = (source: EncodeSource, height: number, bitrateKbps: number, fps = 60) => {
  const rung: LadderRung = { height, bitrateKbps, fps };
  return planRendition({ uploadKey: source.uploadKey, details: source.input.details }, rung, 1);
};
const fastLane = (source: EncodeSource, height = 144, kbps = 100, onPlayable = async (_: FastLaneTracks) => {}) =>
  encodeFastLane(workshop, source, planned(source, height, kbps), { signal, onPlayable });
const upload = async (name: string, format: string, ...args: string[]): Promise<EncodeSource> =>
  openUpload(workshop, await makeUpload(workshop, name, format, ...args));

const playlist = (source: EncodeSource, id: string): string =>
  workshop.store.localPath(`assets/${source.assetId}/r/${id}/index.m3u8`) ?? '';
type Packet = { pts_time: string; flags: string };
async function keyframes(path: string): Promise<number[]> {
  const { packets } = (await plainFfprobe(
    '-select_streams',
    'v',
    '-show_entries',
    'packet=pts_time,flags',
    path,
  )) as unknown as { packets: Packet[] };
  const times = packets.filter(({ flags }) => flags.startsWith('K')).map(({ pts_time }) => Number(pts_time));
  return times.map((time) => Number((time - (times[0] ?? 0)).toFixed(3)));
}
async function stream(path: string): Promise<Record<string, unknown>> {
  const { streams } = (await plainFfprobe('-select_streams', 'v', '-show_streams', path)) as unknown as {
    streams: Record<string, unknown>[];
  };
  return streams[0] ?? {};
}
/** Colour in the middle of the first frame, 0..255. */
async function colour(path: string): Promise<number[]> {
  const raw = join(workshop.root, 'colour.rgb');
  await plainFfmpeg('-i', path, '-frames:v', '1', '-vf', 'crop=2:2', '-pix_fmt', 'rgb24', '-f', 'rawvideo', raw);
  return [...(await readFile(raw))].slice(0, 3);
}

describe('an ordinary clip of eight seconds with sound', () => {
  let source: EncodeSource;
  let low: FastLaneTracks;
  const seenPlayable: { segments: number; playlist: string }[] = [];
  beforeAll(async () => {
    source = await upload('plain', 'mp4', ...picture('640x360', 60, 8), ...sound(8), ...h264, '-c:a', 'aac');
    low = await fastLane(source, 144, 100, async (tracks) => {
      const text = await readFile(playlist(source, tracks.rendition.id), 'utf8');
      seenPlayable.push({ segments: tracks.rendition.segments.length, playlist: text });
    });
  });

  test('is playable after two segments, once, with an open playlist that begins at the beginning', () => {
    expect(seenPlayable).toHaveLength(1);
    expect(seenPlayable[0]?.segments).toBeGreaterThanOrEqual(2);
    expect(seenPlayable[0]?.playlist).toContain('#EXT-X-START:TIME-OFFSET=0');
    expect(seenPlayable[0]?.playlist).not.toContain('ENDLIST');
  });

  test('has a low rendition measured from its real segments', async () => {
    expect(storedRenditionSchema.parse(low.rendition)).toMatchObject({
      width: 256,
      height: 144,
      codec: 'h264',
      targetKbps: 100,
    });
    expect(low.rendition.codecs).toMatch(/^avc1\.6400[0-9a-f]{2}$/);
    expect(low.rendition.segments.map(({ durationMs }) => durationMs)).toEqual([2000, 2000, 2000, 2000]);
    const sizes = await Promise.all(
      low.rendition.segments.map((_, index) =>
        workshop.store.size(`assets/${source.assetId}/r/${low.rendition.id}/seg-0000${index}.m4s`),
      ),
    );
    expect(low.rendition.segments.map(({ bytes }) => bytes)).toEqual(sizes);
    expect(low.rendition.peakKbps).toBeGreaterThanOrEqual(low.rendition.bitrateKbps);
    expect(low.audio).toMatchObject({ codecs: 'mp4a.40.2', channels: 1 });
  });

  test('gets its other rungs from one process, keyframes at the same instants as the low one', async () => {
    const rungs = [planned(source, 240, 200, 30), planned(source, 360, 500)];
    const rest = await encodeRemainder(workshop, source, rungs, { signal, complexityScale: 1 });
    expect(rest.map(({ height, fps }) => [height, fps])).toEqual([
      [240, 30],
      [360, 60],
    ]);
    const all = [low.rendition, ...rest];
    for (const { id } of all) expect(await keyframes(playlist(source, id))).toEqual([0, 2, 4, 6]);

    const measured = await measureQuality(workshop, source, all, signal);
    const rising = [...measured].sort((a, b) => a.bitrateKbps - b.bitrateKbps);
    for (const [index, rendition] of rising.entries()) {
      expect(storedRenditionSchema.parse(rendition).qualityMeasured).toBe(true);
      expect(rendition.quality.phone).toBeGreaterThanOrEqual(rising[index - 1]?.quality.phone ?? 0);
      expect(rendition.quality.phone).toBeLessThanOrEqual(100);
    }
    expect(rising.at(-1)?.quality.desktop).toBeGreaterThan((rising[0]?.quality.desktop ?? 100) + 5);

    const text = renderMultivariantPlaylist({
      renditions: measured,
      audio: low.audio,
      renditionIds: measured.map(({ id }) => id),
    });
    const parsed = HLS.parse(text) as HLS.types.MasterPlaylist;
    expect(parsed.variants.map(({ resolution }) => resolution?.height).sort()).toEqual([144, 240, 360]);
    const master = workshop.store.localPath(`assets/${source.assetId}/p/token/master.m3u8`) ?? '';
    await mkdir(dirname(master), { recursive: true });
    await writeFile(master, text);
    expect(await plainFfmpeg('-i', master, '-map', '0', '-f', 'null', '-')).toBe('');
    const { format } = (await plainFfprobe('-show_format', master)) as unknown as { format: { duration: string } };
    expect(Number(format.duration)).toBeCloseTo(8, 0);
    for (const { id } of [...measured, ...(low.audio ? [low.audio] : [])]) {
      const media = HLS.parse(await readFile(playlist(source, id), 'utf8')) as HLS.types.MediaPlaylist;
      expect(media).toMatchObject({ isMasterPlaylist: false, endlist: true, playlistType: 'VOD' });
    }
  });

  test('is not encoded again when it is finished, and made whole again when a file is lost', async () => {
    const file = `assets/${source.assetId}/r/${low.rendition.id}/seg-00001.m4s`;
    const writtenAt = async () => (await stat(workshop.store.localPath(file) ?? '')).mtimeMs;
    const before = await writtenAt();
    let called = false;
    expect(
      await fastLane(source, 144, 100, async () => {
        called = true;
      }),
    ).toEqual(low);
    expect(called).toBe(false);
    expect(await writtenAt()).toBe(before);
    await workshop.store.remove(file);
    expect((await fastLane(source)).rendition.segments).toHaveLength(4);
    expect(await writtenAt()).toBeGreaterThan(before);
  });
});

test('keyframes stay on the same instants where two seconds are no whole number of frames', async () => {
  const source = await upload('ntsc', 'mp4', ...picture('320x180', '60000/1001', 20), ...h264);
  const low = await fastLane(source, 96, 60);
  const rest = await encodeRemainder(workshop, source, [planned(source, 120, 100, 30), planned(source, 180, 200)], {
    signal,
    complexityScale: 1,
  });
  const grids = await Promise.all([low.rendition, ...rest].map(({ id }) => keyframes(playlist(source, id))));
  expect(grids[0]).toHaveLength(10);
  expect(grids[1]).toEqual(grids[0]);
  expect(grids[2]).toEqual(grids[0]);
});

test('sound and picture begin together, whatever the encoder delays', async () => {
  const source = await upload('sync', 'mp4', ...picture('320x180', 30, 4), ...sound(4), ...h264, '-c:a', 'aac');
  const { rendition, audio } = await fastLane(source);
  for (const id of [rendition.id, audio?.id ?? '']) {
    const segment = await workshop.store.read(`assets/${source.assetId}/r/${id}/seg-00000.m4s`);
    const tfdt = segment?.indexOf('tfdt', 0, 'latin1') ?? -1;
    expect(segment?.readBigUInt64BE(tfdt + 8)).toBe(0n);
    const init = await workshop.store.read(`assets/${source.assetId}/r/${id}/init.mp4`);
    const elst = init?.indexOf('elst', 0, 'latin1') ?? -1;
    // One edit: at media time 0 for the picture, past the encoder's priming for the sound.
    const mediaTime = id === rendition.id ? 0 : 1024;
    expect([init?.readUInt32BE(elst + 8), init?.readInt32BE(elst + 16)]).toEqual([1, mediaTime]);
  }
});

test('a clip shorter than two segments is playable as a whole', async () => {
  const source = await upload('short', 'mp4', ...picture('320x180', 30, 1), ...h264);
  const { rendition, audio } = await fastLane(source);
  expect(rendition.segments).toHaveLength(1);
  expect(audio).toBeNull();
  const [measured] = await measureQuality(workshop, source, [rendition], signal);
  expect(measured?.qualityMeasured).toBe(true);
});

test('a portrait clip keeps its short side, an odd one becomes even, a small one is not scaled up', async () => {
  const portrait = await upload('portrait', 'mp4', ...picture('180x320', 30, 1), ...h264);
  expect(await fastLane(portrait, 144)).toMatchObject({ rendition: { width: 144, height: 256 } });
  const odd = await upload('odd', 'webm', ...picture('161x121', 30, 1), '-c:v', 'libvpx-vp9', '-deadline', 'realtime');
  const { rendition } = await fastLane(odd, 360);
  expect(await stream(playlist(odd, rendition.id))).toMatchObject({
    width: 160,
    height: 120,
    sample_aspect_ratio: '1:1',
  });
});

test('wide pixels come out square', async () => {
  const source = await upload('wide', 'mp4', ...picture('160x120', 30, 1), '-vf', 'setsar=2', ...h264);
  const { rendition } = await fastLane(source, 96);
  expect(await stream(playlist(source, rendition.id))).toMatchObject({
    width: 256,
    height: 96,
    sample_aspect_ratio: '1:1',
  });
});

test('50 frames a second become 25, not 30', async () => {
  const source = await upload('fifty', 'mp4', ...picture('320x180', 50, 2), ...h264);
  const rendition = planned(source, 96, 100, 30);
  const done = await encodeFastLane(workshop, source, rendition, { signal, onPlayable: async () => {} });
  expect(await stream(playlist(source, done.rendition.id))).toMatchObject({ r_frame_rate: '25/1' });
});

test('HDR becomes SDR of the right brightness and hue, also without zscale', async () => {
  const tags = 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited';
  // A saturated red at about 100 nit: PQ code values of BT.2020 R'G'B' = (0.51, 0.2, 0.2).
  const red = [
    '-f',
    'lavfi',
    '-i',
    'color=black:size=320x180:rate=25:duration=1,format=gbrp10le,geq=r=522:g=205:b=205,scale=out_color_matrix=bt2020:out_range=tv',
  ];
  const source = await upload('hdr', 'mp4', ...red, '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-x264-params', tags);
  expect(source.input.details.video.transfer).toBe('pq');
  for (const zscale of [source.input.capabilities.zscale, false]) {
    const name = { ...source, assetId: `a_hdr-${zscale}`, input: { ...source.input, capabilities: { zscale } } };
    const { rendition } = await fastLane(name, 180);
    const file = playlist(name, rendition.id);
    expect(await stream(file)).toMatchObject({ pix_fmt: 'yuv420p', color_transfer: 'bt709', color_space: 'bt709' });
    const [r = 0, g = 0, b = 0] = await colour(file);
    expect(r).toBeGreaterThan(90);
    expect(r).toBeGreaterThan(2 * g);
    expect(Math.abs(g - b)).toBeLessThan(25);
  }
});

test('colours of standard definition survive the change of matrix', async () => {
  const orange = [
    '-f',
    'lavfi',
    '-i',
    'color=0xC86432:size=320x180:rate=25:duration=1,scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p',
  ];
  const source = await upload('sd', 'mp4', ...orange, '-c:v', 'libx264', '-qp', '5');
  const { rendition } = await fastLane(source, 180, 400);
  const found = await colour(playlist(source, rendition.id));
  for (const [index, expected] of [0xc8, 0x64, 0x32].entries())
    expect(Math.abs((found[index] ?? 0) - expected)).toBeLessThan(8);
});

test('a picture whose sound nothing can decode plays without it', async () => {
  const key = await makeUpload(
    workshop,
    'mute',
    'matroska',
    ...picture('320x180', 30, 2),
    ...sound(2),
    ...h264,
    '-c:a',
    'libvorbis',
  );
  const source = await openUpload(workshop, key);
  const path = workshop.store.localPath(key) ?? '';
  const bytes = await readFile(path);
  // Vorbis headers live in the container's head: spoiling them leaves a track no decoder opens.
  for (let at = bytes.indexOf('vorbis', 0, 'latin1'); at >= 0; at = bytes.indexOf('vorbis', at + 1, 'latin1'))
    bytes.write('brosiv', at, 'latin1');
  await writeFile(path, bytes);
  const { rendition, audio } = await fastLane(source);
  expect(rendition.segments).toHaveLength(1);
  expect(audio).toBeNull();
});

test('a container that cannot seek still gets complexity and quality', async () => {
  const source = await upload(
    'unseekable',
    'flv',
    ...picture('320x180', 30, 12),
    ...h264,
    '-flvflags',
    'no_metadata+no_duration_filesize',
  );
  const { rendition } = await fastLane(source);
  const rungs = [{ height: 180, bitrateKbps: 200, fps: 30 }];
  expect((await settleAnalysis(workshop, source, { rungs, first: rendition }, signal)).samples).not.toEqual([]);
  expect((await measureQuality(workshop, source, [rendition], signal))[0]?.qualityMeasured).toBe(true);
});

test('an abort leaves no work directory behind', async () => {
  const source = await upload('abort', 'mp4', ...picture('640x360', 30, 20), ...h264);
  const abort = new AbortController();
  const running = encodeFastLane(workshop, source, planned(source, 360, 600), {
    signal: abort.signal,
    onPlayable: async () => abort.abort(),
  });
  await expect(running).rejects.toMatchObject({ code: 'aborted' });
  expect(await readdir(workshop.workRoot)).toEqual([]);
});
