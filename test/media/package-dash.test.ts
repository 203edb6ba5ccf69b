import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AudioTrack } from '../../src/domain/asset.ts';
import { renderMpd } from '../../src/media/package-dash.ts';
import { rendition } from '../fixtures/assets.ts';

const audio: AudioTrack = { id: 'audio-128k', codecs: 'mp4a.40.2', channels: 2, bitrateKbps: 130, bytes: 100 };
const renditions = [
  rendition({ id: 'high', bitrateKbps: 3000, peakKbps: 4500, width: 1280, height: 720, codecs: 'avc1.64001f' }),
  rendition({ id: 'low', bitrateKbps: 150, peakKbps: 200.04, width: 426, height: 240, fps: 30_000 / 1001 }),
];
const lasting = (...durationsMs: number[]) => durationsMs.map((durationMs) => ({ durationMs }));
const timelines = new Map([
  ['high', lasting(2002, 2002, 2002, 834.167)],
  ['low', lasting(2002, 2002, 2002, 834.167)],
  ['audio-128k', lasting(2005.333, 1984, 2005.333, 864)],
]);
const whole = { renditions, audio, renditionIds: ['high', 'low'], timelines };

type Tag = { name: string; attributes: Record<string, string>; children: Tag[]; text: string };

/** Reads well-formed XML of elements, attributes and text; throws on anything else. */
function parseXml(xml: string): Tag {
  const root: Tag = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const tags = /<(\/?)([\w:]+)((?:\s[\w:]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/g;
  for (const [, close, name = '', attributes = '', empty, text, stray] of xml
    .replace('<?xml version="1.0" encoding="UTF-8"?>', '')
    .matchAll(tags)) {
    const parent = open.at(-1);
    if (stray || !parent) throw new Error('not well-formed');
    if (text !== undefined) parent.text += text.trim();
    else if (close) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
    } else {
      const pairs = [...attributes.matchAll(/([\w:]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
      const tag = { name, attributes: Object.fromEntries(pairs), children: [], text: '' };
      parent.children.push(tag);
      if (!empty) open.push(tag);
    }
  }
  if (open.length !== 1) throw new Error('something is left open');
  const [only] = root.children;
  if (!only || root.children.length !== 1) throw new Error('expected one root');
  return only;
}

const all = (tag: Tag, name: string): Tag[] =>
  tag.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)]);
const durationsOf = (representation: Tag): number[] =>
  all(representation, 'S').flatMap(({ attributes: { d, r = '0' } }) => Array(Number(r) + 1).fill(Number(d) / 1000));

describe('the MPD', () => {
  test('offers the chosen video by rising peak rate, and the audio, on the segments of the playlists', () => {
    const mpd = parseXml(renderMpd(whole));
    expect(mpd.attributes).toMatchObject({ type: 'static', mediaPresentationDuration: 'PT6.858666S' });
    const [video, sound] = all(mpd, 'AdaptationSet');
    expect(video?.attributes).toMatchObject({ contentType: 'video', mimeType: 'video/mp4', segmentAlignment: 'true' });
    expect(all(video as Tag, 'Representation').map(({ attributes }) => attributes)).toMatchObject([
      { id: 'low', bandwidth: '200040', frameRate: '30000/1001', width: '426', height: '240' },
      { id: 'high', bandwidth: '4500000', frameRate: '30', codecs: 'avc1.64001f' },
    ]);
    expect(all(sound as Tag, 'Representation')[0]?.attributes).toMatchObject({ id: 'audio-128k', codecs: 'mp4a.40.2' });
    expect(all(mpd, 'BaseURL').map(({ text }) => text)).toEqual([
      '../../r/low/',
      '../../r/high/',
      '../../r/audio-128k/',
    ]);
    expect(all(mpd, 'SegmentTemplate')[0]?.attributes).toMatchObject({
      media: 'seg-$Number%05d$.m4s',
      startNumber: '0',
    });
  });

  test('a rate at which the worst segment arrives in time is promised with a buffer of the longest segment', () => {
    expect(parseXml(renderMpd(whole)).attributes.minBufferTime).toBe('PT2.005333S');
  });

  test('only what was chosen and has segments is offered; a silent asset has no audio', () => {
    const one = parseXml(renderMpd({ ...whole, audio: null, renditionIds: ['low', 'gone'] }));
    expect(all(one, 'Representation').map(({ attributes }) => attributes.id)).toEqual(['low']);
    const none = renderMpd({ ...whole, timelines: new Map() });
    expect(all(parseXml(none), 'AdaptationSet')).toEqual([]);
  });

  test('says so when the segments of two rungs do not begin together', () => {
    const shifted = new Map(timelines).set('low', lasting(2002, 2002, 1501, 1335.167));
    const [video] = all(parseXml(renderMpd({ ...whole, timelines: shifted })), 'AdaptationSet');
    expect(video?.attributes.segmentAlignment).toBe('false');
  });

  test('names every segment with its measured duration to the microsecond, however they repeat', () => {
    const someDurations = fc.array(fc.constantFrom(2000, 2002, 1999.999, 83.417), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(someDurations, (durationsMs) => {
        const some = new Map([['low', lasting(...durationsMs)]]);
        const mpd = parseXml(renderMpd({ renditions, audio: null, renditionIds: ['low'], timelines: some }));
        expect(durationsOf(all(mpd, 'Representation')[0] as Tag)).toEqual(durationsMs);
        const total = durationsMs.reduce((sum, durationMs) => sum + Math.round(durationMs * 1000), 0);
        const stated = /^PT([\d.]+)S$/.exec(mpd.attributes.mediaPresentationDuration ?? '')?.[1];
        expect(Math.round(Number(stated) * 1_000_000)).toBe(total);
      }),
    );
  });

  test('is made for a day of video', () => {
    const day = lasting(...Array.from({ length: 86_400 / 2 }, () => 2000));
    const long = new Map([...timelines.keys()].map((id) => [id, day]));
    expect(renderMpd({ ...whole, timelines: long })).toContain('mediaPresentationDuration="PT86400');
  });

  test('what needs another decoder is in a set of its own', () => {
    const both = [...renditions, rendition({ id: 'av1', bitrateKbps: 900, codec: 'av1', codecs: 'av01.0.05M.08' })];
    const more = new Map(timelines).set('av1', lasting(2002, 2002, 2002, 834.167));
    const mpd = parseXml(
      renderMpd({ ...whole, renditions: both, timelines: more, renditionIds: ['high', 'low', 'av1'] }),
    );
    const sets = all(mpd, 'AdaptationSet');
    expect(sets.map((set) => all(set, 'Representation').map(({ attributes }) => attributes.id))).toEqual([
      ['low', 'high'],
      ['av1'],
      ['audio-128k'],
    ]);
    expect(sets.map(({ attributes }) => attributes.id)).toEqual(['0', '1', '2']);
  });

  test('thumbnails are a set of tiled images, each for as long as its tiles are', () => {
    const tiles = {
      columns: 5,
      rows: 4,
      width: 160,
      height: 90,
      intervalMs: 2002,
      count: 25,
      spriteBytes: [40_000, 9000],
    };
    const images = all(parseXml(renderMpd({ ...whole, tiles })), 'AdaptationSet').at(-1) as Tag;
    expect(images.attributes).toMatchObject({ contentType: 'image', mimeType: 'image/webp' });
    expect(all(images, 'Representation')[0]?.attributes).toMatchObject({
      width: '800',
      height: '360',
      bandwidth: '7993',
    });
    expect(all(images, 'EssentialProperty')[0]?.attributes).toEqual({
      schemeIdUri: 'http://dashif.org/guidelines/thumbnail_tile',
      value: '5x4',
    });
    expect(all(images, 'SegmentTemplate')[0]?.attributes).toMatchObject({
      media: 'storyboard-$Number$.webp',
      startNumber: '0',
      timescale: '1000000',
      duration: '40040000',
    });
  });

  test('text that means something in XML stays text', () => {
    const odd = { ...whole, renditions: [rendition({ id: 'low', bitrateKbps: 1, codecs: '"<&>' })] };
    expect(all(parseXml(renderMpd(odd)), 'Representation')[0]?.attributes.codecs).toBe('&quot;&lt;&amp;&gt;');
  });
});
