import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderImagePlaylist, renderStoryboardVtt } from '../../../src/media/previews/storyboard.ts';

const tiles = { columns: 2, rows: 2, width: 160, height: 90, intervalMs: 2002, count: 6, spriteBytes: [900, 500] };

describe('a storyboard', () => {
  test('as WebVTT shows for every stretch of time its tile, the last until the end', () => {
    const cues = renderStoryboardVtt(tiles, 11_500).split('\n\n');
    expect(cues[0]).toBe('WEBVTT');
    expect(cues[1]).toBe('00:00:00.000 --> 00:00:02.002\nstoryboard-0.webp#xywh=0,0,160,90');
    expect(cues[4]).toBe('00:00:06.006 --> 00:00:08.008\nstoryboard-0.webp#xywh=160,90,160,90');
    expect(cues[6]).toBe('00:00:10.010 --> 00:00:11.500\nstoryboard-1.webp#xywh=160,0,160,90\n');
  });

  test('as WebVTT has no gaps, no overlaps, and hours', () => {
    const counts = fc.record({
      count: fc.integer({ min: 1, max: 400 }),
      intervalMs: fc.integer({ min: 1000, max: 60_000 }),
    });
    fc.assert(
      fc.property(counts, ({ count, intervalMs }) => {
        const text = renderStoryboardVtt({ ...tiles, count, intervalMs }, count * intervalMs - 500);
        const times = [...text.matchAll(/^(\d\d+:\d\d:\d\d\.\d{3}) --> (\d\d+:\d\d:\d\d\.\d{3})$/gm)];
        expect(times).toHaveLength(count);
        const starts = times.map(([, start]) => start);
        expect(times.slice(0, -1).map(([, , end]) => end)).toEqual(starts.slice(1));
      }),
    );
  });

  test('as image playlist is one segment per sprite, which says how its tiles lie', () => {
    const text = renderImagePlaylist(tiles, 11_500);
    expect(text).toContain('#EXT-X-IMAGES-ONLY\n');
    expect(text).toContain('#EXT-X-TARGETDURATION:8\n');
    const tag = '#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=2x2,DURATION=2.002';
    expect(text).toContain(`#EXTINF:8.008,\n${tag}\nstoryboard-0.webp\n#EXTINF:3.492,\n${tag}\nstoryboard-1.webp\n`);
  });
});
