import { describe, expect, it } from 'vitest';
import { parseMediaPlaylist, parseMultivariantPlaylist } from '../../src/simulation/parse-hls-playlist.ts';

const BASE = 'http://host:1/v/a_1/p/TOKEN/master.m3u8';

describe('a multivariant playlist', () => {
  it('gives its variants in order, with the audio they share', () => {
    const text = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",URI="subs.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="a, b=c",DEFAULT=YES,CHANNELS="2",URI="/v/a_1/r/audio/index.m3u8"

#EXT-X-STREAM-INF:BANDWIDTH=210000,AVERAGE-BANDWIDTH=180500,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,AUDIO="audio"
../../r/low/index.m3u8
#EXT-X-STREAM-INF:CODECS="avc1.64001f",BANDWIDTH=4300000
/v/a_1/r/high/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000,URI="iframes.m3u8"
`;
    expect(parseMultivariantPlaylist(text, BASE)).toEqual({
      variants: [
        { url: 'http://host:1/v/a_1/r/low/index.m3u8', bandwidthKbps: 210, averageKbps: 180.5 },
        { url: 'http://host:1/v/a_1/r/high/index.m3u8', bandwidthKbps: 4300, averageKbps: null },
      ],
      audioUrl: 'http://host:1/v/a_1/r/audio/index.m3u8',
    });
  });

  it.each([
    ['<html>', 'expected #EXTM3U first (got <html>)'],
    ['#EXTM3U\n', 'expected at least one variant'],
    ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\na.m3u8', 'BANDWIDTH: expected a number of 0 or more (got x)'],
    ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1', 'expected a URI line'],
  ])('that is not one is refused: %j', (text, message) => {
    expect(() => parseMultivariantPlaylist(text, BASE)).toThrow(message);
  });
});

describe('a media playlist', () => {
  it('gives segments with durations, the init segment and whether it has ended', () => {
    const text = `#EXTM3U\r
#EXT-X-TARGETDURATION:4\r
#EXT-X-MAP:URI="init.mp4"\r
#EXTINF:2.002000,\r
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\r
seg-00000.m4s\r
#EXTINF:1.5,title\r
seg-00001.m4s\r
`;
    const base = 'http://host:1/v/a_1/r/low/index.m3u8';
    const growing = parseMediaPlaylist(text, base);
    expect(growing).toEqual({
      initUrl: 'http://host:1/v/a_1/r/low/init.mp4',
      segments: [
        { url: 'http://host:1/v/a_1/r/low/seg-00000.m4s', durationMs: 2002 },
        { url: 'http://host:1/v/a_1/r/low/seg-00001.m4s', durationMs: 1500 },
      ],
      ended: false,
    });
    expect(parseMediaPlaylist(`${text}#EXT-X-ENDLIST\n`, base).ended).toBe(true);
  });

  it('with a broken duration is refused', () => {
    expect(() => parseMediaPlaylist('#EXTM3U\n#EXTINF:,\na.m4s', BASE)).toThrow('#EXTINF: expected a number');
  });
});
