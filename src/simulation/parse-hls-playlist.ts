/** One variant of a multivariant playlist: the little a model player needs; URLs are absolute. */
export type HlsVariant = { url: string; bandwidthKbps: number; averageKbps: number | null };
export type MultivariantPlaylist = { variants: HlsVariant[]; audioUrl: string | null };
export type MediaPlaylist = { initUrl: string | null; segments: { url: string; durationMs: number }[]; ended: boolean };

/** A playlist that breaks RFC 8216 where the model player needs it; the message names the tag. */
export class PlaylistError extends Error {
  readonly code = 'playlist.invalid';
  override readonly name = 'PlaylistError';
}

/** Variants in the order listed, and the first audio rendition with a playlist of its own. */
export function parseMultivariantPlaylist(text: string, baseUrl: string): MultivariantPlaylist {
  const lines = linesOf(text);
  const variants: HlsVariant[] = [];
  let audioUrl: string | null = null;
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) {
      variants.push(readVariant(parseAttributes(line), lines[index + 1], baseUrl));
    } else if (line.startsWith('#EXT-X-MEDIA:')) {
      const { TYPE: type, URI: uri } = parseAttributes(line);
      if (type === 'AUDIO' && uri !== undefined) audioUrl ??= new URL(uri, baseUrl).href;
    }
  }
  if (variants.length === 0) throw new PlaylistError('#EXT-X-STREAM-INF: expected at least one variant (got none)');
  return { variants, audioUrl };
}

/** Segments in order with their durations, and the init segment of the first `#EXT-X-MAP`. */
export function parseMediaPlaylist(text: string, baseUrl: string): MediaPlaylist {
  const segments: MediaPlaylist['segments'] = [];
  let initUrl: string | null = null;
  let durationMs: number | null = null;
  for (const line of linesOf(text)) {
    if (line.startsWith('#EXT-X-MAP:')) {
      const uri = parseAttributes(line).URI;
      if (uri !== undefined) initUrl ??= new URL(uri, baseUrl).href;
    } else if (line.startsWith('#EXTINF:')) {
      const seconds = readNumber('#EXTINF', line.slice('#EXTINF:'.length).split(',')[0]);
      durationMs = Math.round(seconds * 1e6) / 1000;
    } else if (!line.startsWith('#') && durationMs !== null) {
      segments.push({ url: new URL(line, baseUrl).href, durationMs });
      durationMs = null;
    }
  }
  return { initUrl, segments, ended: text.includes('#EXT-X-ENDLIST') };
}

function readVariant(attributes: Record<string, string>, uri: string | undefined, baseUrl: string): HlsVariant {
  if (uri === undefined || uri.startsWith('#'))
    throw new PlaylistError('#EXT-X-STREAM-INF: expected a URI line after it');
  const average = attributes['AVERAGE-BANDWIDTH'];
  return {
    url: new URL(uri, baseUrl).href,
    bandwidthKbps: readNumber('BANDWIDTH', attributes.BANDWIDTH) / 1000,
    averageKbps: average === undefined ? null : readNumber('AVERAGE-BANDWIDTH', average) / 1000,
  };
}

function linesOf(text: string): string[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines[0] !== '#EXTM3U')
    throw new PlaylistError(`expected #EXTM3U first (got ${(lines[0] ?? 'nothing').slice(0, 40)})`);
  return lines;
}

function parseAttributes(line: string): Record<string, string> {
  const list = line.slice(line.indexOf(':') + 1);
  const pairs = list.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^",]*))/g);
  return Object.fromEntries([...pairs].map(([, name = '', quoted, bare]) => [name, quoted ?? bare ?? '']));
}

function readNumber(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || text.trim() === '' || !(value >= 0)) {
    throw new PlaylistError(`${name}: expected a number of 0 or more (got ${text ?? 'nothing'})`);
  }
  return value;
}
