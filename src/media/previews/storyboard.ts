import type { StoryboardTiles } from '../../domain/asset.ts';

/** Name of the n-th sprite, counted from 0; as a template, what DASH calls it. */
export const spriteName = (index: number): string => `storyboard-${index}.webp`;
export const SPRITE_TEMPLATE = 'storyboard-$Number$.webp';

/** Pixels of a whole sprite. */
export const spriteSize = ({ columns, rows, width, height }: StoryboardTiles): { width: number; height: number } => ({
  width: columns * width,
  height: rows * height,
});

const tilesPerSprite = ({ columns, rows }: StoryboardTiles): number => columns * rows;

/** What the heaviest sprite costs over the time it is for, kbit/s. */
export const tilesKbps = (tiles: StoryboardTiles): number =>
  Math.max(0.1, (Math.max(...tiles.spriteBytes) * 8) / (tiles.intervalMs * tilesPerSprite(tiles)));

type Tile = { sprite: number; x: number; y: number; startMs: number; endMs: number };

function tilesOf(tiles: StoryboardTiles, durationMs: number): Tile[] {
  const { columns, width, height, intervalMs, count } = tiles;
  return Array.from({ length: count }, (_, index) => {
    const place = index % tilesPerSprite(tiles);
    return {
      sprite: Math.floor(index / tilesPerSprite(tiles)),
      x: (place % columns) * width,
      y: Math.floor(place / columns) * height,
      startMs: index * intervalMs,
      endMs: index === count - 1 ? Math.max(durationMs, index * intervalMs + 1) : (index + 1) * intervalMs,
    };
  });
}

/** Thumbnails as WebVTT: for every stretch of time the part of a sprite to show (Media Fragments `#xywh`). */
export function renderStoryboardVtt(tiles: StoryboardTiles, durationMs: number): string {
  const cues = tilesOf(tiles, durationMs).map(
    ({ sprite, x, y, startMs, endMs }) =>
      `${vttTime(startMs)} --> ${vttTime(endMs)}\n${spriteName(sprite)}#xywh=${x},${y},${tiles.width},${tiles.height}\n`,
  );
  return ['WEBVTT\n', ...cues].join('\n');
}

function vttTime(ms: number): string {
  const whole = Math.round(ms);
  const pad = (value: number, digits: number): string => String(value).padStart(digits, '0');
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  return `${pad(hours, 2)}:${pad(minutes, 2)}:${pad(Math.floor(whole / 1000) % 60, 2)}.${pad(whole % 1000, 3)}`;
}

/** Thumbnails as an HLS image media playlist (Roku's "HLS Image Media Playlist" 0.4): one sprite is one segment. */
export function renderImagePlaylist(tiles: StoryboardTiles, durationMs: number): string {
  const { columns, rows, width, height, intervalMs, spriteBytes } = tiles;
  const spriteMs = intervalMs * tilesPerSprite(tiles);
  const lengths = spriteBytes.map((_, index) => Math.max(1, Math.min(spriteMs, durationMs - index * spriteMs)));
  const seconds = (ms: number): string => (ms / 1000).toFixed(3);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.max(1, ...lengths.map((ms) => Math.round(ms / 1000)))}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-IMAGES-ONLY',
    ...lengths.flatMap((ms, index) => [
      `#EXTINF:${seconds(ms)},`,
      `#EXT-X-TILES:RESOLUTION=${width}x${height},LAYOUT=${columns}x${rows},DURATION=${seconds(intervalMs)}`,
      spriteName(index),
    ]),
    '#EXT-X-ENDLIST',
    '',
  ].join('\n');
}
