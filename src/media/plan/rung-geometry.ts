/** Upright pixels of a picture with square pixels, both even. */
export type FrameSize = { width: number; height: number };

const evenFloor = (value: number): number => Math.max(2, Math.floor(value / 2) * 2);
const evenRound = (value: number): number => Math.max(2, Math.round(value / 2) * 2);

/**
 * How a coded picture is meant to be seen: non-square pixels expanded (never squeezed, so nothing is lost), turned upright,
 * odd lines dropped because 4:2:0 has none.
 */
export function displaySize(coded: {
  width: number;
  height: number;
  /** Pixel width ÷ pixel height. */
  sampleAspectRatio: number;
  rotation: 0 | 90 | 180 | 270;
}): FrameSize {
  const sar = coded.sampleAspectRatio;
  const width = evenFloor(sar > 1 ? coded.width * sar : coded.width);
  const height = evenFloor(sar < 1 ? coded.height / sar : coded.height);
  return coded.rotation === 90 || coded.rotation === 270 ? { width: height, height: width } : { width, height };
}

/** The short side: what `1080p` means, portrait or landscape. */
export const shortSide = ({ width, height }: FrameSize): number => Math.min(width, height);

/** `source` scaled so that its short side is at most `short` pixels; never upscaled, both sides even. */
export function fitShortSide(source: FrameSize, short: number): FrameSize {
  const wanted = evenFloor(short);
  if (shortSide(source) <= wanted) return { width: evenFloor(source.width), height: evenFloor(source.height) };
  return source.width >= source.height
    ? { width: evenRound((source.width * wanted) / source.height), height: wanted }
    : { width: wanted, height: evenRound((source.height * wanted) / source.width) };
}
