import type { Answer } from './ask.ts';

/** One viewing: the files of the lowest rung, one after the other, from the manifest on. */
export type Player = {
  /** Redirect, multivariant and media playlist. */
  open(): Promise<void>;
  /** The next file, from the start again after the last. */
  next(): Promise<void>;
};

/** A player of the asset that `masterUrl` offers; every request goes through `fetch`. */
export function createPlayer(
  masterUrl: () => URL,
  fetch: (kind: 'manifest' | 'segment', url: URL) => Promise<Answer | null>,
): Player {
  let files: URL[] = [];
  let position = 0;
  return {
    async open() {
      let url = masterUrl();
      let answer = await fetch('manifest', url);
      while (answer?.headers.location !== undefined) {
        url = new URL(answer.headers.location, url);
        answer = await fetch('manifest', url);
      }
      const lowest = answer === null ? null : lowestVariant(String(answer.body), url);
      const playlist = lowest === null ? null : await fetch('manifest', lowest);
      if (lowest === null || playlist === null) return;
      files = mediaFiles(String(playlist.body), lowest);
      position = 0;
    },
    async next() {
      const file = files[position % files.length];
      position += 1;
      if (file !== undefined) await fetch('segment', file);
    },
  };
}

function lowestVariant(master: string, base: URL): URL | null {
  const variants = [...master.matchAll(/#EXT-X-STREAM-INF.*?[:,]BANDWIDTH=(\d+).*\r?\n([^#\s]+)/g)];
  variants.sort((a, b) => Number(a[1]) - Number(b[1]));
  const path = variants[0]?.[2];
  return path === undefined ? null : new URL(path, base);
}

function mediaFiles(playlist: string, base: URL): URL[] {
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1];
  const segments = playlist.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  return [init, ...segments].flatMap((path) => (path === undefined ? [] : new URL(path, base)));
}
