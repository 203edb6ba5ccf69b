import HLS from 'hls-parser';
import { expect, test } from 'vitest';
import type { AudioTrack } from '../../src/domain/asset.ts';
import { renderMultivariantPlaylist } from '../../src/media/package-hls.ts';
import { rendition } from '../fixtures/assets.ts';

const audio: AudioTrack = { id: 'audio-128k', codecs: 'mp4a.40.2', channels: 2, bitrateKbps: 130, bytes: 100 };
const renditions = [
  rendition({ id: 'low', bitrateKbps: 150, peakKbps: 200, width: 426, height: 240, fps: 29.97003 }),
  rendition({ id: 'mid', bitrateKbps: 600, peakKbps: 900 }),
  rendition({ id: 'high', bitrateKbps: 3000, peakKbps: 4500, width: 1280, height: 720, codecs: 'avc1.64001f' }),
];
const ids = renditions.map(({ id }) => id);

function parse(text: string): HLS.types.MasterPlaylist {
  const playlist = HLS.parse(text);
  if (!playlist.isMasterPlaylist) throw new Error('expected a multivariant playlist');
  return playlist as HLS.types.MasterPlaylist;
}

test('a player reads what the segments really weigh, audio included', () => {
  const playlist = parse(renderMultivariantPlaylist({ renditions, audio, renditionIds: ids }));
  expect(playlist.independentSegments).toBe(true);
  const high = playlist.variants.find(({ uri }) => uri === '../../r/high/index.m3u8');
  expect(high).toMatchObject({ averageBandwidth: 3_130_000, bandwidth: 4_643_000, codecs: 'avc1.64001f,mp4a.40.2' });
  expect(high?.resolution).toEqual({ width: 1280, height: 720 });
  expect(high?.frameRate).toBe(30);
  expect(high?.audio[0]).toMatchObject({ uri: '../../r/audio-128k/index.m3u8', groupId: 'audio', isDefault: true });
});

test('the rung to start with comes first, then the others by rising bitrate', () => {
  const order = (startKbps?: number): string[] =>
    parse(
      renderMultivariantPlaylist({ renditions, audio, renditionIds: ids, ...(startKbps ? { startKbps } : {}) }),
    ).variants.map(({ uri }) => uri.split('/')[3] ?? '');
  expect(order()).toEqual(['mid', 'low', 'high']);
  expect(order(10_000)).toEqual(['high', 'low', 'mid']);
  expect(order(1)).toEqual(['low', 'mid', 'high']);
});

test('only the chosen renditions are offered, and unknown ones left out', () => {
  const playlist = parse(renderMultivariantPlaylist({ renditions, audio, renditionIds: ['high', 'low', 'gone'] }));
  expect(playlist.variants.map(({ uri }) => uri)).toEqual(['../../r/low/index.m3u8', '../../r/high/index.m3u8']);
});

test('a silent asset has no audio group', () => {
  const text = renderMultivariantPlaylist({ renditions, audio: null, renditionIds: ids });
  expect(text).not.toContain('AUDIO');
  expect(parse(text).variants.every((variant) => variant.audio.length === 0)).toBe(true);
});

test('frame rate has three decimals and the range is said', () => {
  const text = renderMultivariantPlaylist({ renditions, audio, renditionIds: ['low'] });
  expect(text).toContain('FRAME-RATE=29.970');
  expect(text).toContain('VIDEO-RANGE=SDR');
});

test('once its tracks are whole, the keyframes of each variant are offered alone', () => {
  const iframes = { bitrateKbps: 20, peakKbps: 31.5 };
  const [low, ...others] = renditions.map((rendition) => ({ ...rendition, iframes }));
  const some = [low as (typeof renditions)[0], ...others.map(({ iframes: _, ...rendition }) => rendition)];
  const of = (whole: boolean) =>
    parse(renderMultivariantPlaylist({ renditions: some, audio, renditionIds: ids, whole }));
  const [only, ...more] = of(true).variants.filter(({ isIFrameOnly }) => isIFrameOnly);
  expect(more).toEqual([]);
  expect(only).toMatchObject({ uri: '../../r/low/iframes.m3u8', bandwidth: 31_500, averageBandwidth: 20_000 });
  expect(only?.resolution).toEqual({ width: 426, height: 240 });
  expect(of(false).variants.some(({ isIFrameOnly }) => isIFrameOnly)).toBe(false);
});

test('the storyboard is offered as images where there is one', () => {
  const tiles = {
    columns: 5,
    rows: 5,
    width: 160,
    height: 90,
    intervalMs: 2000,
    count: 30,
    spriteBytes: [40_000, 8000],
  };
  const text = renderMultivariantPlaylist({ renditions, audio, renditionIds: ids, tiles });
  expect(text).toContain(
    '#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=6400,CODECS="webp",RESOLUTION=160x90,URI="../../storyboard.m3u8"\n',
  );
  expect(parse(text).variants).toHaveLength(3);
});

test("an audio track's own measured peak counts, where it is known", () => {
  const text = renderMultivariantPlaylist({ renditions, audio: { ...audio, peakKbps: 200 }, renditionIds: ['high'] });
  expect(parse(text).variants[0]?.bandwidth).toBe(4_700_000);
});

test('there are no captions in the picture, and every variant says so', () => {
  const lines = renderMultivariantPlaylist({ renditions, audio, renditionIds: ids }).match(/#EXT-X-STREAM-INF.*/g);
  expect(lines?.every((line) => line.endsWith(',CLOSED-CAPTIONS=NONE'))).toBe(true);
});
