import { expect, test } from 'vitest';
import { renderMediaPlaylist } from '../../src/media/media-playlist.ts';
import { readTimelines } from '../../src/media/read-timelines.ts';

const segments = [
  { uri: 'seg-00000.m4s', durationMs: 2002 },
  { uri: 'seg-00001.m4s', durationMs: 834.167 },
];

/** A store of playlists by track. */
const storeOf = (tracks: Record<string, { ended: boolean }>) => ({
  async read(key: string) {
    const track = tracks[/^assets\/a_1\/r\/(\w+)\/index\.m3u8$/.exec(key)?.[1] ?? ''];
    return track ? Buffer.from(renderMediaPlaylist({ segments, ended: track.ended })) : null;
  },
});

test('tracks whose playlists have ended are read with their durations', async () => {
  const store = storeOf({ low: { ended: true }, audio: { ended: true } });
  const timelines = await readTimelines(store, 'a_1', ['low', 'audio']);
  expect([...(timelines ?? [])]).toEqual([
    ['low', segments],
    ['audio', segments],
  ]);
});

test('there is nothing to say while one of them still grows, or is not there', async () => {
  const store = storeOf({ low: { ended: true }, audio: { ended: false } });
  expect(await readTimelines(store, 'a_1', ['low', 'audio'])).toBeNull();
  expect(await readTimelines(store, 'a_1', ['low', 'gone'])).toBeNull();
});
