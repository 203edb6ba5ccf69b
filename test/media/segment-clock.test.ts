import fc from 'fast-check';
import { expect, test } from 'vitest';
import { delaySegment, readSegmentClock, readTimescale } from '../../src/media/segment-clock.ts';

function box(type: string, ...bodies: Buffer[]): Buffer {
  const body = Buffer.concat(bodies);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}
const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
};
const wide = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const V1 = words(0x0100_0000);
const fragment = (start: bigint, frames: number): Buffer =>
  box(
    'moof',
    box('mfhd', words(0, 1)),
    box('traf', box('tfhd', words(0, 1)), box('tfdt', V1, wide(start)), box('trun', words(0, frames))),
  );
const segment = (start: bigint, ...frames: number[]): Buffer =>
  Buffer.concat([
    box('styp', Buffer.from('msdh')),
    box('sidx', V1, words(1, 15_360), wide(start), wide(0n), words(1)),
    ...frames.flatMap((count) => [fragment(start, count), box('mdat', Buffer.alloc(5))]),
  ]);

test('a segment begins at its first fragment and has the frames of all', () => {
  expect(readSegmentClock(segment(512n, 20, 40))).toEqual({ startTicks: 512n, frames: 60 });
});

test('a segment moved in time is the same segment, later', () => {
  const ticks = fc.bigInt({ min: 0n, max: 2n ** 48n });
  fc.assert(
    fc.property(ticks, ticks, (start, delay) => {
      const moved = segment(start, 60);
      delaySegment(moved, delay);
      expect(moved).toEqual(segment(start + delay, 60));
    }),
  );
});

test('times of four bytes are moved as well', () => {
  const narrow = (start: number): Buffer =>
    Buffer.concat([
      box('sidx', words(0, 1, 15_360, start, 0)),
      box('moof', box('traf', box('tfdt', words(0, start)), box('trun', words(0, 7)))),
    ]);
  const moved = narrow(100);
  delaySegment(moved, 23n);
  expect(moved).toEqual(narrow(123));
});

test.each([0, 1])('the timescale is read from a header of version %i', (version) => {
  const times = version === 1 ? [0, 0, 0, 0] : [0, 0];
  const header = box('mdhd', words(version << 24, ...times, 15_360, 0));
  expect(readTimescale(box('moov', box('mvhd', words(0)), box('trak', box('mdia', header))))).toBe(15_360);
});

test('what is no segment is said to be none', () => {
  expect(() => readSegmentClock(box('mdat', words(1)))).toThrow(/tfdt/);
  expect(() => readSegmentClock(words(400, 1, 2))).toThrow(/box must have/);
  expect(() => readTimescale(box('ftyp', words(1)))).toThrow(/mdhd/);
});
