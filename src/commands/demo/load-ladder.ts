import type { Ladder, LadderRendition, LadderSegment } from '../../simulation/ladder.ts';
import { type HlsVariant, parseMediaPlaylist, parseMultivariantPlaylist } from '../../simulation/parse-hls-playlist.ts';
import { type DemoClient, UnexpectedAnswerError, unexpected } from './demo-client.ts';
import { mapConcurrently } from './map-concurrently.ts';

const HEADS_AT_ONCE = 6;

/** Reads what a manifest offers; every media playlist and segment size is asked for once and kept. */
export type LadderLoader = { load(manifest: string, manifestUrl: string): Promise<Ladder> };

/** Playlists and segments are immutable once an asset is complete: load only ladders of complete assets. */
export function createLadderLoader(api: DemoClient): LadderLoader {
  const known = new Map<string, Promise<LadderSegment[]>>();
  const segmentsOf = (url: string): Promise<LadderSegment[]> => {
    const loading = known.get(url) ?? loadSegments(api, url);
    known.set(url, loading);
    return loading;
  };
  return {
    async load(manifest, manifestUrl) {
      const { variants, audioUrl } = parseMultivariantPlaylist(manifest, manifestUrl);
      const renditions = await Promise.all(
        variants.map(async (variant): Promise<LadderRendition> => describe(variant, await segmentsOf(variant.url))),
      );
      return audioUrl === null ? { renditions } : { renditions, audio: { segments: await segmentsOf(audioUrl) } };
    },
  };
}

function describe({ url, bandwidthKbps, averageKbps }: HlsVariant, segments: LadderSegment[]): LadderRendition {
  const id = renditionIdOf(url);
  return { id, bitrateKbps: bandwidthKbps, ...(averageKbps === null ? {} : { averageKbps }), segments };
}

/** `/v/ASSET/r/RENDITION/index.m3u8` */
function renditionIdOf(playlistUrl: string): string {
  const id = new URL(playlistUrl).pathname.split('/').at(-2);
  if (!id) throw new UnexpectedAnswerError(`no rendition id in the address ${playlistUrl}`);
  return decodeURIComponent(id);
}

async function loadSegments(api: DemoClient, playlistUrl: string): Promise<LadderSegment[]> {
  const response = await api.request(playlistUrl);
  const text = await response.text();
  if (!response.ok) throw unexpected(`GET ${playlistUrl}`, response.status, text);
  const { segments } = parseMediaPlaylist(text, playlistUrl);
  if (segments.length === 0) throw new UnexpectedAnswerError(`no segments in ${playlistUrl}`);
  return mapConcurrently(segments, HEADS_AT_ONCE, async ({ url, durationMs }) => {
    const head = await api.request(url, { method: 'HEAD' });
    const bytes = Number(head.headers.get('content-length'));
    if (!head.ok || !(bytes > 0)) throw unexpected(`HEAD ${url}`, head.status, `content-length ${bytes}`);
    return { durationMs, bytes };
  });
}
