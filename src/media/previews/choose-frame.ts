/** Small pictures one after another, three bytes a pixel. */
export type Frames = { width: number; height: number; rgb: Uint8Array };

/** Luma outside of this is a fade, a black or a white card. */
const USEFUL_LUMA = { least: 24, most: 232 };
/** Openings and credits say less of a video than what is between. */
const HEART = { from: 0.05, to: 0.7 };
const OUTSIDE_HEART = 0.7;
/** A fade is worse than anything else, but better than nothing. */
const FADED = 0.05;
/** What colour counts beside contrast. */
const COLOUR_WEIGHT = 0.5;

/** The picture, counted from 0, that says most of all of them: contrast and colour, no fades, from the heart of the video. */
export function chooseFrame(frames: Frames): number {
  const frameBytes = frames.width * frames.height * 3;
  const count = Math.floor(frames.rgb.length / frameBytes);
  let best = { index: 0, score: -1 };
  for (let index = 0; index < count; index += 1) {
    const at = count === 1 ? 0.5 : index / (count - 1);
    const weight = at >= HEART.from && at <= HEART.to ? 1 : OUTSIDE_HEART;
    const score = weight * interest(frames.rgb.subarray(index * frameBytes, (index + 1) * frameBytes));
    if (score > best.score) best = { index, score };
  }
  return best.index;
}

function interest(rgb: Uint8Array): number {
  const pixels = rgb.length / 3;
  let [sum, squares, colour] = [0, 0, 0];
  for (let at = 0; at < rgb.length; at += 3) {
    const [r, g, b] = [rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0];
    const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    sum += luma;
    squares += luma * luma;
    colour += Math.max(r, g, b) - Math.min(r, g, b);
  }
  const mean = sum / pixels;
  const contrast = Math.sqrt(Math.max(0, squares / pixels - mean * mean));
  const shown = contrast + COLOUR_WEIGHT * (colour / pixels);
  return mean < USEFUL_LUMA.least || mean > USEFUL_LUMA.most ? shown * FADED : shown;
}

/** One of the pictures, four bytes a pixel. */
export function rgbaOf({ width, height, rgb }: Frames, index: number): Uint8Array {
  const pixels = width * height;
  const rgba = new Uint8Array(pixels * 4).fill(255);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const from = (index * pixels + pixel) * 3;
    rgba.set(rgb.subarray(from, from + 3), pixel * 4);
  }
  return rgba;
}
