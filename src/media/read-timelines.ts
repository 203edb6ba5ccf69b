import { trackPrefix } from './finished-tracks.ts';
import { type PlaylistSegment, parseMediaPlaylist } from './media-playlist.ts';
import type { MediaStore } from './media-store.ts';

/** The segments of tracks by their id, from their playlists; null while one of them is still growing or not there. */
export async function readTimelines(
  store: Pick<MediaStore, 'read'>,
  assetId: string,
  trackIds: readonly string[],
): Promise<Map<string, PlaylistSegment[]> | null> {
  const playlists = await Promise.all(
    trackIds.map(async (id) => {
      const bytes = await store.read(`${trackPrefix(assetId, id)}/index.m3u8`);
      return { id, ...parseMediaPlaylist(bytes?.toString('utf8') ?? '') };
    }),
  );
  if (!playlists.every(({ ended }) => ended)) return null;
  return new Map(playlists.map(({ id, segments }) => [id, segments]));
}
