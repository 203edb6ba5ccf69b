import type { AudioTrack, StoredRendition, StoryboardTiles } from '../domain/asset.ts';
import type { PlaylistSegment } from './media-playlist.ts';
import { AUDIO } from './plan/encoder-settings.ts';
import { rationalFps } from './plan/frame-rate.ts';
import { SPRITE_TEMPLATE, spriteSize, tilesKbps } from './previews/storyboard.ts';
import { element, escapeXml } from './xml-element.ts';

/** Segments of every offered track by its id, in the order of play, as its media playlist says once it has ended. */
export type TrackTimelines = ReadonlyMap<string, readonly Pick<PlaylistSegment, 'durationMs'>[]>;

/** Playlists measure to the microsecond; so does the MPD, and nothing adds up to a frame. */
const TIMESCALE = 1_000_000;

/** Where the tokened MPD finds a track's segments: `/v/ASSET/p/TOKEN/` → `/v/ASSET/r/ID/`. */
const trackUri = (trackId: string): string => `../../r/${trackId}/`;
const PREVIEWS_URI = '../../';

/** Boundaries this far apart are the same instant in another timescale. */
const ALIGNED_WITHIN_US = 1_000;

/**
 * The static MPD (ISO/IEC 23009-1, isoff-live profile) of a chosen subset of an asset's renditions over their whole length,
 * on the same segments as the playlists. Tracks without a timeline are left out; one set per codec, rising in bitrate.
 */
export function renderMpd(request: {
  renditions: readonly StoredRendition[];
  audio: AudioTrack | null;
  renditionIds: readonly string[];
  timelines: TrackTimelines;
  /** Thumbnails, where there are any. */
  tiles?: StoryboardTiles | null;
}): string {
  const { timelines } = request;
  const wanted = new Set(request.renditionIds);
  const videos = request.renditions
    .filter((rendition) => wanted.has(rendition.id))
    .sort((a, b) => a.bitrateKbps - b.bitrateKbps)
    .flatMap((rendition) => withTimeline(rendition, timelines));
  const audios = request.audio ? withTimeline(request.audio, timelines) : [];
  const tracks = [...videos, ...audios];
  const longestUs = Math.max(0, ...tracks.map(({ us }) => sum(us)));
  // Hours of segments are more than a call takes arguments.
  const longestSegmentUs = tracks.flatMap(({ us }) => us).reduce((longest, us) => Math.max(longest, us), 0);
  const root = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
    type: 'static',
    mediaPresentationDuration: isoDuration(longestUs),
    minBufferTime: isoDuration(longestSegmentUs),
    maxSegmentDuration: isoDuration(longestSegmentUs),
  };
  const sets: Adaptation[] = [
    ...byCodec(videos).map(videoSet),
    ...audios.map(audioSet),
    ...(request.tiles ? [thumbnailSet(request.tiles)] : []),
  ];
  const period = element(
    'Period',
    { id: '0', start: 'PT0S' },
    sets.map(({ attributes, children }, id) => element('AdaptationSet', { id, ...attributes }, children)),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('MPD', root, [period])}\n`;
}

type Timed<T> = { track: T; us: number[] };

function withTimeline<T extends { id: string }>(track: T, timelines: TrackTimelines): Timed<T>[] {
  const segments = timelines.get(track.id) ?? [];
  return segments.length === 0 ? [] : [{ track, us: segments.map(({ durationMs }) => Math.round(durationMs * 1000)) }];
}

type Adaptation = { attributes: Record<string, string | number>; children: string[] };

/** Players switch freely within a set, so what needs another decoder is in another. */
function byCodec(videos: readonly Timed<StoredRendition>[]): Timed<StoredRendition>[][] {
  const codecs = [...new Set(videos.map(({ track }) => track.codec))];
  return codecs.map((codec) => videos.filter(({ track }) => track.codec === codec));
}

function videoSet(videos: readonly Timed<StoredRendition>[]): Adaptation {
  const largest = (of: (rendition: StoredRendition) => number): number =>
    Math.max(...videos.map(({ track }) => of(track)));
  const attributes = {
    contentType: 'video',
    mimeType: 'video/mp4',
    ...alignment(videos),
    maxWidth: largest(({ width }) => width),
    maxHeight: largest(({ height }) => height),
    maxFrameRate: rationalFps(largest(({ fps }) => fps)),
  };
  return { attributes, children: [role(), ...videos.map(videoRepresentation)] };
}

function videoRepresentation({ track, us }: Timed<StoredRendition>): string {
  const { id, codecs, width, height, fps, peakKbps } = track;
  const frameRate = rationalFps(fps);
  // With minBufferTime one segment long, the worst segment's rate is a rate at which playout cannot starve: what
  // ISO/IEC 23009-1 5.3.5.2 asks of @bandwidth, and what HLS calls BANDWIDTH.
  const attributes = { id, codecs, width, height, frameRate, sar: '1:1', bandwidth: bitsPerSecond(peakKbps) };
  return element('Representation', attributes, segments(id, us));
}

function audioSet(timed: Timed<AudioTrack>): Adaptation {
  const { id, codecs, channels, bitrateKbps, peakKbps = bitrateKbps } = timed.track;
  const representation = {
    id,
    codecs,
    audioSamplingRate: AUDIO.sampleRateHz,
    bandwidth: bitsPerSecond(peakKbps),
  };
  const configuration = element('AudioChannelConfiguration', {
    schemeIdUri: 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011',
    value: channels,
  });
  return {
    attributes: { contentType: 'audio', mimeType: 'audio/mp4', ...alignment([timed]) },
    children: [role(), element('Representation', representation, [configuration, ...segments(id, timed.us)])],
  };
}

/** Tiles of thumbnails (DASH-IF Interoperability Points 4.3, section 6.2.6): one sprite is one segment. */
function thumbnailSet(tiles: StoryboardTiles): Adaptation {
  const { columns, rows, intervalMs } = tiles;
  const representation = { id: 'thumbnails', ...spriteSize(tiles), bandwidth: bitsPerSecond(tilesKbps(tiles)) };
  const property = element('EssentialProperty', {
    schemeIdUri: 'http://dashif.org/guidelines/thumbnail_tile',
    value: `${columns}x${rows}`,
  });
  const template = {
    timescale: TIMESCALE,
    duration: Math.round(intervalMs * 1000) * columns * rows,
    media: SPRITE_TEMPLATE,
    startNumber: '0',
  };
  const children = [property, `<BaseURL>${PREVIEWS_URI}</BaseURL>`, element('SegmentTemplate', template)];
  return {
    attributes: { contentType: 'image', mimeType: 'image/webp' },
    children: [element('Representation', representation, children)],
  };
}

const role = (): string => element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: 'main' });

/** Every segment begins with a keyframe; whether they begin together is looked up, not hoped for. */
function alignment(tracks: readonly Timed<unknown>[]): { segmentAlignment: string; startWithSAP: string } {
  const [first = [], ...others] = tracks.map(({ us }) => boundaries(us));
  const aligned = others.every(
    (other) =>
      other.length === first.length &&
      // The last boundary is the end: rungs at half the frame rate may end a frame later.
      other.slice(0, -1).every((at, index) => Math.abs(at - (first[index] ?? 0)) <= ALIGNED_WITHIN_US),
  );
  return { segmentAlignment: String(aligned), startWithSAP: '1' };
}

function boundaries(us: readonly number[]): number[] {
  let at = 0;
  return us.map((duration) => {
    at += duration;
    return at;
  });
}

function segments(trackId: string, us: readonly number[]): string[] {
  const template = {
    timescale: TIMESCALE,
    initialization: 'init.mp4',
    media: 'seg-$Number%05d$.m4s',
    startNumber: '0',
  };
  const runs = runLengths(us).map(({ d, r }, index) =>
    element('S', { ...(index === 0 ? { t: 0 } : {}), d, ...(r > 0 ? { r } : {}) }),
  );
  return [
    `<BaseURL>${escapeXml(trackUri(trackId))}</BaseURL>`,
    element('SegmentTemplate', template, [element('SegmentTimeline', {}, runs)]),
  ];
}

/** Equal neighbours as one `S` that repeats (`r` is how many follow the first). */
function runLengths(us: readonly number[]): { d: number; r: number }[] {
  const runs: { d: number; r: number }[] = [];
  for (const d of us) {
    const last = runs.at(-1);
    if (last?.d === d) last.r += 1;
    else runs.push({ d, r: 0 });
  }
  return runs;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const bitsPerSecond = (kbps: number): number => Math.ceil(kbps * 1000);

const isoDuration = (us: number): string => `PT${(us / 1_000_000).toFixed(6).replace(/\.?0+$/, '')}S`;
