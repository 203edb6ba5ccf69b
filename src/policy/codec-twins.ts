import type { Codec, Quality, StoredRendition } from '../domain/index.ts';

/** What telling twins needs of a rendition. */
export type TwinnableRendition = Pick<
  StoredRendition,
  'id' | 'width' | 'height' | 'codec' | 'targetKbps' | 'bitrateKbps' | 'quality' | 'qualityMeasured'
>;

/** Nobody sees a difference above. */
const TRANSPARENT_QUALITY = 95;
/** Two measurements of the same pictures over two short windows differ by less, points. */
const QUALITY_NOISE = 0.5;
/** What a title must come out smaller by to be worth another codec. */
export const LEAST_SAVED_SHARE = 0.1;

/** The same rung in another codec, made to stand in for it: whether it looks as good and weighs no more is another question. */
const isSameRung = (rung: TwinnableRendition, other: TwinnableRendition): boolean =>
  rung.codec !== other.codec &&
  rung.targetKbps === other.targetKbps &&
  rung.width === other.width &&
  rung.height === other.height;

const DEVICES = ['phone', 'tablet', 'desktop', 'tv'] as const satisfies readonly (keyof Quality)[];

/** Whether one quality is as good as another on every device, to within `noise` points, or transparent on every one. */
export function isAsGood(one: Quality, other: Quality, noise = 0): boolean {
  const isTransparent = DEVICES.every((device) => one[device] >= TRANSPARENT_QUALITY);
  return isTransparent || DEVICES.every((device) => one[device] >= other[device] - noise);
}

/** Whether a rendition looks as good as another, as far as measurements can tell. */
const looksAsGood = (one: TwinnableRendition, other: TwinnableRendition): boolean =>
  one.qualityMeasured && other.qualityMeasured && isAsGood(one.quality, other.quality, QUALITY_NOISE);

/** By H.264 rendition, the one that stands for it in `codec`: the smallest that looks as good and weighs no more. */
export function twinsOf<R extends TwinnableRendition>(renditions: readonly R[], codec: Codec): Map<string, R> {
  const twins = new Map<string, R>();
  const rising = renditions.filter((each) => each.codec === codec).sort((a, b) => a.bitrateKbps - b.bitrateKbps);
  for (const rung of renditions.filter((each) => each.codec === 'h264')) {
    const twin = rising.find(
      (each) => isSameRung(rung, each) && each.bitrateKbps <= rung.bitrateKbps && looksAsGood(each, rung),
    );
    if (twin) twins.set(rung.id, twin);
  }
  return twins;
}

/** Whether an asset is there in `codec` as well, rung by rung: one that has some of it is offered none. */
export function hasAllTwins(renditions: readonly TwinnableRendition[], codec: Codec): boolean {
  const rungs = renditions.filter((each) => each.codec === 'h264');
  return rungs.length > 0 && twinsOf(renditions, codec).size === rungs.length;
}

/** By how much a title's renditions weigh less than what they stand for; 0 where there are none. */
export function savedShare(pairs: readonly { kbps: number; insteadOfKbps: number }[]): number {
  const sum = (of: (pair: (typeof pairs)[number]) => number) => pairs.reduce((total, pair) => total + of(pair), 0);
  const before = sum(({ insteadOfKbps }) => insteadOfKbps);
  return before === 0 ? 0 : 1 - sum(({ kbps }) => kbps) / before;
}
