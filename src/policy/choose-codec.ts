import type { Codec, CodecChoice } from '../domain/index.ts';

/** Codecs that may be offered instead of H.264, the one that saves most first. */
const BETTER_CODECS = ['av1'] as const satisfies readonly Codec[];

/**
 * Of the views that can have another codec, this share stays with H.264: what a codec does to starts, stalls and dropped frames
 * is measured against them, not presumed.
 */
export const CODEC_HELD_BACK = 0.05;

/**
 * The codec of a view, by a draw of its own (`uniform` in [0, 1)): independent of its arm, which is drawn from the same arms in
 * either codec. Null where H.264 is all there is: the player has not said that it decodes another, or the asset has none.
 */
export function chooseCodec(view: {
  decodes: readonly Codec[];
  uniform: number;
  /** Whether every arm that a view of this asset can be given has its renditions in this codec. */
  has(codec: Codec): boolean;
}): CodecChoice | null {
  const codec = BETTER_CODECS.find((better) => view.decodes.includes(better) && view.has(better));
  if (codec === undefined) return null;
  return view.uniform < CODEC_HELD_BACK
    ? { codec: 'h264', propensity: CODEC_HELD_BACK }
    : { codec, propensity: 1 - CODEC_HELD_BACK };
}
