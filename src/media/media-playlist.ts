import type { LeadingKeyframe } from './leading-keyframe.ts';

/** One segment of a media playlist, in the order of play. */
export type PlaylistSegment = { uri: string; durationMs: number };

/** What ffmpeg has finished so far, from the playlist it keeps rewriting. */
export function parseMediaPlaylist(text: string): { segments: PlaylistSegment[]; ended: boolean } {
  const lines = text.split('\n').map((line) => line.trim());
  const segments: PlaylistSegment[] = [];
  lines.forEach((line, index) => {
    const seconds = /^#EXTINF:([\d.]+)/.exec(line)?.[1];
    const uri = lines[index + 1];
    if (seconds !== undefined && uri) segments.push({ uri, durationMs: Number((Number(seconds) * 1000).toFixed(3)) });
  });
  return { segments, ended: lines.includes('#EXT-X-ENDLIST') };
}

/**
 * A media playlist (RFC 8216, section 4.3.3) of fMP4 segments: VOD with ENDLIST when `ended`, otherwise EVENT with
 * EXT-X-START, because players begin an open playlist at its live edge unless told to begin at the beginning.
 */
export function renderMediaPlaylist(playlist: { segments: readonly PlaylistSegment[]; ended: boolean }): string {
  const { segments, ended } = playlist;
  return [
    ...head(segments, ended ? 'VOD' : 'EVENT'),
    ...(ended ? [] : ['#EXT-X-START:TIME-OFFSET=0,PRECISE=YES']),
    '#EXT-X-INDEPENDENT-SEGMENTS',
    '#EXT-X-MAP:URI="init.mp4"',
    ...segments.flatMap(({ uri, durationMs }) => [extinf(durationMs), uri]),
    ...(ended ? ['#EXT-X-ENDLIST'] : []),
    '',
  ].join('\n');
}

/**
 * An I-frame playlist (RFC 8216, section 4.3.3.6): of every segment the head of its fragment and its first picture, for as long
 * as the segment lasts.
 */
export function renderIframePlaylist(segments: readonly (PlaylistSegment & { keyframe: LeadingKeyframe })[]): string {
  return [
    ...head(segments, 'VOD'),
    '#EXT-X-I-FRAMES-ONLY',
    '#EXT-X-MAP:URI="init.mp4"',
    ...segments.flatMap(({ uri, durationMs, keyframe }) => [
      extinf(durationMs),
      `#EXT-X-BYTERANGE:${keyframe.bytes}@${keyframe.offset}`,
      uri,
    ]),
    '#EXT-X-ENDLIST',
    '',
  ].join('\n');
}

/** The keyframes that an I-frame playlist of ours lists, in the order of play. */
export function parseIframePlaylist(text: string): (LeadingKeyframe & { uri: string })[] {
  return [...text.matchAll(/^#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)$/gm)].map(([, bytes, offset, uri = '']) => ({
    uri,
    offset: Number(offset),
    bytes: Number(bytes),
  }));
}

/** Seconds that every segment's duration rounds to at most; never below our own segments', so that it need not change while a playlist grows. */
export const targetSeconds = (segments: readonly { durationMs: number }[]): number =>
  Math.max(2, ...segments.map(({ durationMs }) => Math.round(durationMs / 1000)));

const extinf = (durationMs: number): string => `#EXTINF:${(durationMs / 1000).toFixed(6)},`;

function head(segments: readonly PlaylistSegment[], type: 'VOD' | 'EVENT'): string[] {
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${targetSeconds(segments)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${type}`,
  ];
}
