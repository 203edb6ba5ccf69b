import type { AudioTrack, StoredRendition, StoryboardTiles } from '../domain/asset.ts';
import { tilesKbps } from './previews/storyboard.ts';

/** Where the tokened multivariant playlist finds a rendition's media playlist: `/v/ASSET/p/TOKEN/` → `/v/ASSET/r/ID/`. */
const renditionUri = (renditionId: string): string => `../../r/${renditionId}/index.m3u8`;
const iframesUri = (renditionId: string): string => `../../r/${renditionId}/iframes.m3u8`;
const STORYBOARD_URI = '../../storyboard.m3u8';

/** Players begin with the first variant listed: the best one that nearly every line carries, audio included. */
const START_KBPS = 800;

const AUDIO_GROUP = 'audio';

/** Room for the peaks of an audio track over its average, where they were not measured. */
const AUDIO_PEAK_RATIO = 1.1;

/**
 * The multivariant playlist (RFC 8216, section 4.3.4) of a chosen subset of an asset's renditions, from what their segments
 * really weigh. Ids that are not there are left out; the one to start with comes first, then by rising bitrate.
 */
export function renderMultivariantPlaylist(request: {
  renditions: readonly StoredRendition[];
  audio: AudioTrack | null;
  renditionIds: readonly string[];
  /** The first variant is the highest whose average, with audio, is at most this; the lowest when none is. */
  startKbps?: number;
  /** Every track is whole: their keyframes alone are offered too. */
  whole?: boolean;
  /** Thumbnails, where there are any. */
  tiles?: StoryboardTiles | null;
}): string {
  const { audio } = request;
  const wanted = new Set(request.renditionIds);
  const chosen = request.renditions.filter((rendition) => wanted.has(rendition.id));
  const ordered = startFirst(chosen, request.startKbps ?? START_KBPS, audio);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(audio ? [audioLine(audio)] : []),
    ...ordered.flatMap((rendition) => [variantLine(rendition, audio), renditionUri(rendition.id)]),
    ...(request.whole ? ordered.flatMap(iframesLine) : []),
    ...(request.tiles ? [imagesLine(request.tiles)] : []),
    '',
  ].join('\n');
}

function startFirst(renditions: StoredRendition[], startKbps: number, audio: AudioTrack | null): StoredRendition[] {
  const rising = [...renditions].sort((a, b) => a.bitrateKbps - b.bitrateKbps);
  const affordable = rising.filter((rendition) => rendition.bitrateKbps + (audio?.bitrateKbps ?? 0) <= startKbps);
  const start = affordable.at(-1) ?? rising[0];
  return start ? [start, ...rising.filter((rendition) => rendition !== start)] : [];
}

function audioLine(audio: AudioTrack): string {
  return attributes('#EXT-X-MEDIA', {
    TYPE: 'AUDIO',
    'GROUP-ID': quoted(AUDIO_GROUP),
    NAME: quoted('Audio'),
    'STABLE-RENDITION-ID': quoted(audio.id),
    DEFAULT: 'YES',
    AUTOSELECT: 'YES',
    CHANNELS: quoted(String(audio.channels)),
    URI: quoted(renditionUri(audio.id)),
  });
}

function variantLine(rendition: StoredRendition, audio: AudioTrack | null): string {
  const audioKbps = audio?.bitrateKbps ?? 0;
  const audioPeakKbps = audio?.peakKbps ?? audioKbps * AUDIO_PEAK_RATIO;
  return attributes('#EXT-X-STREAM-INF', {
    BANDWIDTH: bitsPerSecond(rendition.peakKbps + audioPeakKbps),
    'AVERAGE-BANDWIDTH': bitsPerSecond(rendition.bitrateKbps + audioKbps),
    CODECS: quoted([rendition.codecs, ...(audio ? [audio.codecs] : [])].join(',')),
    RESOLUTION: `${rendition.width}x${rendition.height}`,
    'FRAME-RATE': rendition.fps.toFixed(3),
    'VIDEO-RANGE': 'SDR',
    'STABLE-VARIANT-ID': quoted(rendition.id),
    ...(audio ? { AUDIO: quoted(AUDIO_GROUP) } : {}),
    'CLOSED-CAPTIONS': 'NONE',
  });
}

/** What a player scrubs through, and shows while it winds. */
function iframesLine({ id, iframes, codecs, width, height }: StoredRendition): string[] {
  if (!iframes) return [];
  const line = attributes('#EXT-X-I-FRAME-STREAM-INF', {
    BANDWIDTH: bitsPerSecond(iframes.peakKbps),
    'AVERAGE-BANDWIDTH': bitsPerSecond(iframes.bitrateKbps),
    CODECS: quoted(codecs),
    RESOLUTION: `${width}x${height}`,
    'VIDEO-RANGE': 'SDR',
    URI: quoted(iframesUri(id)),
  });
  return [line];
}

/** The storyboard, for players that know Roku's image media playlists; others skip the tag. */
function imagesLine(tiles: StoryboardTiles): string {
  return attributes('#EXT-X-IMAGE-STREAM-INF', {
    BANDWIDTH: bitsPerSecond(tilesKbps(tiles)),
    CODECS: quoted('webp'),
    RESOLUTION: `${tiles.width}x${tiles.height}`,
    URI: quoted(STORYBOARD_URI),
  });
}

const bitsPerSecond = (kbps: number): string => String(Math.ceil(kbps * 1000));

const quoted = (text: string): string => `"${text}"`;

const attributes = (tag: string, values: Record<string, string>): string =>
  `${tag}:${Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')}`;
