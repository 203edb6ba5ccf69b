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
  // "The EXTINF duration, when rounded to the nearest integer, MUST be less than or equal to the target duration."
  const target = Math.max(2, ...segments.map(({ durationMs }) => Math.round(durationMs / 1000)));
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${target}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${ended ? 'VOD' : 'EVENT'}`,
    ...(ended ? [] : ['#EXT-X-START:TIME-OFFSET=0,PRECISE=YES']),
    '#EXT-X-INDEPENDENT-SEGMENTS',
    '#EXT-X-MAP:URI="init.mp4"',
    ...segments.flatMap(({ uri, durationMs }) => [`#EXTINF:${(durationMs / 1000).toFixed(6)},`, uri]),
    ...(ended ? ['#EXT-X-ENDLIST'] : []),
    '',
  ].join('\n');
}
