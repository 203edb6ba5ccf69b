import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findLeadingKeyframe } from '../../src/media/leading-keyframe.ts';
import { box, zeros } from './init-segment.ts';

const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
const SYNC = 0x02000000;
const NON_SYNC = 0x01010000;

type Fragment = { tfhd: number[]; trun: (dataOffset: number) => number[]; samples: number[] };

/** A segment as ffmpeg writes them: styp, moof of one track, mdat. */
function segmentOf({ tfhd, trun, samples }: Fragment): { bytes: Buffer; styp: number } {
  const styp = box('styp', zeros(16));
  const moofWith = (dataOffset: number): Buffer =>
    box(
      'moof',
      box('mfhd', zeros(8)),
      box('traf', box('tfhd', tfhd), box('tfdt', zeros(12)), box('trun', trun(dataOffset))),
    );
  const moof = moofWith(moofWith(0).length + 8);
  const mdat = box('mdat', zeros(samples.reduce((sum, size) => sum + size, 0)));
  return { bytes: Buffer.concat([styp, moof, mdat]), styp: styp.length };
}

/** Sizes per sample, the first one's flags apart: what ffmpeg's hls muxer writes. */
const perSample = (firstFlags: number, sizes: number[]): Fragment => ({
  tfhd: [...u32(0x020000 | 0x20), ...u32(1), ...u32(NON_SYNC)],
  trun: (at) => [...u32(0x205), ...u32(sizes.length), ...u32(at), ...u32(firstFlags), ...sizes.flatMap(u32)],
  samples: sizes,
});

describe('the keyframe that a segment begins with', () => {
  test('is the fragment from its head to the end of its first sample', () => {
    const { bytes, styp } = segmentOf(perSample(SYNC, [1000, 50, 60]));
    const moofBytes = bytes.readUInt32BE(styp);
    expect(findLeadingKeyframe(bytes)).toEqual({ offset: styp, bytes: moofBytes + 8 + 1000 });
  });

  test('is found by the track header where samples say nothing of themselves', () => {
    const { bytes, styp } = segmentOf({
      tfhd: [...u32(0x020000 | 0x8 | 0x10 | 0x20), ...u32(1), ...u32(1024), ...u32(300), ...u32(SYNC)],
      trun: (at) => [...u32(0x1), ...u32(3), ...u32(at)],
      samples: [300, 300, 300],
    });
    expect(findLeadingKeyframe(bytes)?.bytes).toBe(bytes.length - styp - 600);
  });

  test('is none where the first picture needs others, there is no picture, or its bytes are not there', () => {
    expect(findLeadingKeyframe(segmentOf(perSample(NON_SYNC, [1000])).bytes)).toBeNull();
    expect(findLeadingKeyframe(segmentOf(perSample(SYNC, [])).bytes)).toBeNull();
    const { bytes } = segmentOf(perSample(SYNC, [1000]));
    expect(findLeadingKeyframe(bytes.subarray(0, bytes.length - 1))).toBeNull();
  });

  test('is looked for in any bytes without throwing or leaving them', () => {
    const { bytes } = segmentOf(perSample(SYNC, [400, 30]));
    const spoiled = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length));
    fc.assert(
      fc.property(spoiled, ([at, value, length]) => {
        const some = Buffer.from(bytes.subarray(0, length));
        if (at < some.length) some[at] = value;
        const found = findLeadingKeyframe(some);
        if (found) expect(found.offset + found.bytes).toBeLessThanOrEqual(some.length);
      }),
    );
  });
});
