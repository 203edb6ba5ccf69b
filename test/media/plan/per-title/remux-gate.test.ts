import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayBeRemuxed, type RemuxProbe, remuxableKbps } from '../../../../src/media/plan/per-title/remux-gate.ts';
import { withSourceAsRung } from '../../../../src/media/plan/per-title/remux-rung.ts';
import { renditionOf } from '../../../../src/media/plan/plan-renditions.ts';
import { sourceDetails } from '../source.ts';

const details = sourceDetails();
const FPS = 30;
const STARTS = [0, 2, 4, 6];

/** Eight seconds at 30 fps, a keyframe every second. */
const packets = (
  change: (packet: { pts_time: number; size: number; flags: string }, index: number) => object = () => ({}),
) =>
  Array.from({ length: 240 }, (_, index) => {
    const packet = { pts_time: index / FPS, size: 10_000, flags: index % 30 === 0 ? 'K__' : '___' };
    return { ...packet, ...change(packet, index) };
  });
const probe = (change: Partial<RemuxProbe> = {}, stream: Partial<RemuxProbe['streams'][number]> = {}): RemuxProbe => ({
  format: { start_time: 0 },
  streams: [{ width: 1280, height: 720, pix_fmt: 'yuv420p', profile: 'High', sample_aspect_ratio: '1:1', ...stream }],
  packets: packets(),
  ...change,
});

describe('a source is served as it is', () => {
  test('when it is what an encode would be', () => {
    expect(remuxableKbps(probe(), details, STARTS)).toBe(2400);
    expect(mayBeRemuxed(details)).toBe(true);
  });

  test('also when it does not begin at zero, where everything in it begins then', () => {
    const late = packets(({ pts_time }) => ({ pts_time: pts_time + 5 }));
    expect(remuxableKbps(probe({ format: { start_time: 5 }, packets: late }), details, STARTS)).toBe(2400);
    expect(remuxableKbps(probe({ format: { start_time: 0 }, packets: late }), details, STARTS)).toBeNull();
  });

  test('when it lasts for hours, without looking through all of it for every segment', () => {
    const hours = 2;
    const frames = hours * 3600 * FPS;
    let looks = 0;
    const long = Array.from({ length: frames }, (_, index) => ({
      size: 10_000,
      flags: index % 30 === 0 ? 'K__' : '___',
      get pts_time() {
        looks += 1;
        return index / FPS;
      },
    }));
    const starts = Array.from({ length: hours * 1800 }, (_, index) => 2 * index);
    expect(remuxableKbps(probe({ packets: long }), details, starts)).toBe(2400);
    expect(looks).toBeLessThan(10 * frames);
  });

  test.each([
    ['a format not every decoder plays', probe({}, { pix_fmt: 'yuv422p' })],
    ['full range', probe({}, { pix_fmt: 'yuvj420p' })],
    ['a profile not every decoder plays', probe({}, { profile: 'High 10' })],
    ['pixels that are not square', probe({}, { sample_aspect_ratio: '4:3' })],
    ['another size than is shown', probe({}, { width: 1440 })],
    [
      'no keyframe where a segment begins',
      probe({ packets: packets((_, index) => (index === 120 ? { flags: '___' } : {})) }),
    ],
    ['a missing frame', probe({ packets: packets().filter((_, index) => index !== 100) })],
    [
      'a frame late by half',
      probe({ packets: packets(({ pts_time }, index) => (index === 7 ? { pts_time: pts_time + 0.6 / FPS } : {})) }),
    ],
    [
      'a segment that takes most of the bits',
      probe({ packets: packets((_, index) => (index < 60 ? { size: 90_000 } : {})) }),
    ],
  ])('but not with %s', (_, other) => {
    expect(remuxableKbps(other, details, STARTS)).toBeNull();
  });

  test('but not when a group shows frames of the one before it: an open group of pictures', () => {
    const open = packets();
    const [key, after] = [open[60], open[59]];
    if (!key || !after) throw new Error('no packets');
    const leading = [...open.slice(0, 59), key, after, ...open.slice(61)];
    expect(remuxableKbps(probe({ packets: leading }), details, STARTS)).toBeNull();
  });

  test.each([
    ['turned', sourceDetails({ source: { rotation: 90 } })],
    ['another codec', sourceDetails({ source: { codec: 'hevc' } })],
    ['interlaced', sourceDetails({ video: { interlaced: true } })],
    ['another matrix', sourceDetails({ video: { matrix: 'smpte170m' } })],
    ['a container with its own framing', sourceDetails({ container: 'mpegts' })],
  ])('and is not even asked about when it is %s', (_, other) => {
    expect(mayBeRemuxed(other)).toBe(false);
  });
});

describe('the rung a source stands in for', () => {
  const identity = { uploadKey: 'uploads/u1', details };
  const sizes = [
    { width: 640, height: 360 },
    { width: 1280, height: 720 },
    { width: 1280, height: 720 },
  ];
  const rungs = [400, 1500, 3000].map((targetKbps, index) =>
    renditionOf(identity, { size: sizes[index] ?? { width: 2, height: 2 }, fps: FPS, targetKbps, crf: 23 }),
  );

  test('is the cheapest at its size that asks for as much, within the factor by which arms look for it', () => {
    const withCopy = withSourceAsRung(identity, rungs, 2000);
    expect(withCopy.map(({ targetKbps, isCopy }) => [targetKbps, isCopy])).toEqual([
      [400, undefined],
      [1500, true],
    ]);
    expect(withCopy[1]?.id).not.toBe(rungs[1]?.id);
  });

  test('is never one that asks for less: nothing changes then', () => {
    fc.assert(
      fc.property(fc.double({ min: 3000 * 1.36, max: 1e6, noNaN: true }), (kbps) => {
        expect(withSourceAsRung(identity, rungs, kbps)).toEqual(rungs);
      }),
    );
  });
});
