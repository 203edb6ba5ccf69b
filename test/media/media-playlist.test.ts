import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMediaPlaylist, renderMediaPlaylist } from '../../src/media/media-playlist.ts';

const FROM_FFMPEG = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.002000,
seg-00000.m4s
#EXTINF:0.500000,
seg-00001.m4s
`;

test('what ffmpeg has written so far is understood, and whether it is done', () => {
  const segments = [
    { uri: 'seg-00000.m4s', durationMs: 2002 },
    { uri: 'seg-00001.m4s', durationMs: 500 },
  ];
  expect(parseMediaPlaylist(FROM_FFMPEG)).toEqual({ segments, ended: false });
  expect(parseMediaPlaylist(`${FROM_FFMPEG}#EXT-X-ENDLIST\n`)).toEqual({ segments, ended: true });
  expect(parseMediaPlaylist('')).toEqual({ segments: [], ended: false });
});

test('an open playlist tells players to begin at the beginning; a whole one is VOD and ends', () => {
  const segments = [{ uri: 'seg-00000.m4s', durationMs: 2000 }];
  const open = renderMediaPlaylist({ segments, ended: false });
  expect(open).toContain('#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0');
  expect(open).not.toContain('ENDLIST');
  const whole = renderMediaPlaylist({ segments, ended: true });
  expect(whole).toContain('#EXT-X-PLAYLIST-TYPE:VOD\n');
  expect(whole).not.toContain('EXT-X-START');
  expect(whole.trimEnd().split('\n').at(-1)).toBe('#EXT-X-ENDLIST');
});

test('a playlist survives being written and read, and its target covers every segment', () => {
  const segment = fc.record({
    uri: fc.stringMatching(/^[a-z0-9-]{1,12}\.m4s$/),
    durationMs: fc.integer({ min: 20, max: 9000 }),
  });
  fc.assert(
    fc.property(fc.array(segment), fc.boolean(), (segments, ended) => {
      const text = renderMediaPlaylist({ segments, ended });
      expect(parseMediaPlaylist(text)).toEqual({ segments, ended });
      const target = Number(/TARGETDURATION:(\d+)/.exec(text)?.[1]);
      for (const { durationMs } of segments) expect(Math.round(durationMs / 1000)).toBeLessThanOrEqual(target);
    }),
  );
});
