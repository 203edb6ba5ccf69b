import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { assetPrefix } from './asset-store.ts';
import { readDone, trackPrefix } from './finished-tracks.ts';
import type { MediaRoom } from './media-room.ts';
import type { MediaStore } from './media-store.ts';
import { withWorkDirectory } from './work-directory.ts';

const DONE = 'done.json';
/** What previews are made of; documents about an asset are its own. */
const PREVIEW = /\.(webp|mp4|vtt|m3u8)$/;

/** Gives an asset the finished tracks of another one, as hard links where the file system can: no bytes are written twice. */
export function shareTracks(
  room: MediaRoom,
  from: { assetId: string; trackIds: readonly string[] },
  toAssetId: string,
): Promise<void> {
  return withWorkDirectory(room.workRoot, `${toAssetId}.share`, async (directory) => {
    for (const id of from.trackIds) {
      if (await readDone(room.store, toAssetId, id)) continue;
      const prefix = `${trackPrefix(from.assetId, id)}/`;
      const names = (await room.store.list(trackPrefix(from.assetId, id))).map((key) => key.slice(prefix.length));
      // The mark that vouches for the others comes last.
      for (const name of [...names.filter((each) => each !== DONE), DONE])
        await share(room.store, `${prefix}${name}`, `${trackPrefix(toAssetId, id)}/${name}`, directory);
    }
  });
}

/** Gives an asset the poster, clip and storyboard of another one. */
export function sharePreviews(room: MediaRoom, fromAssetId: string, toAssetId: string): Promise<void> {
  return withWorkDirectory(room.workRoot, `${toAssetId}.share`, async (directory) => {
    const keys = await room.store.list(assetPrefix(fromAssetId));
    for (const key of keys.filter((each) => PREVIEW.test(each)))
      await share(room.store, key, key.replace(assetPrefix(fromAssetId), assetPrefix(toAssetId)), directory);
  });
}

async function share(store: MediaStore, from: string, to: string, directory: string): Promise<void> {
  const temporary = join(directory, randomUUID());
  const path = store.localPath(from);
  if (path === null) await download(store, from, temporary);
  else await link(path, temporary).catch(() => copyFile(path, temporary));
  await store.putFile(to, temporary);
}

async function download(store: MediaStore, key: string, path: string): Promise<void> {
  const opened = await store.openRead(key);
  if (!opened) throw new Error(`${key} is no longer there`);
  await pipeline(opened.stream, createWriteStream(path, { flags: 'wx' }));
}
