import { expect, test } from 'vitest';
import { annexBWriter } from '../../../src/media/previews/annex-b.ts';
import { initSegment } from '../init-segment.ts';

const SPS = [0x67, 1, 2];
const PPS = [0x68, 3];
/** avcC of lengths in so many bytes. */
const avcC = (lengthBytes: number): number[] => [
  1,
  0x64,
  0,
  0x1e,
  0xfc | (lengthBytes - 1),
  0xe1,
  0,
  SPS.length,
  ...SPS,
  1,
  0,
  PPS.length,
  ...PPS,
];
const START = [0, 0, 0, 1];

test('a sample becomes a picture that needs nothing before it', () => {
  const toPicture = annexBWriter(initSegment(avcC(4)));
  const sample = Buffer.from([0, 0, 0, 2, 0x06, 9, 0, 0, 0, 3, 0x65, 7, 8]);
  expect([...toPicture(sample)]).toEqual([
    ...[...START, 0x09, 0xf0],
    ...[...START, ...SPS],
    ...[...START, ...PPS],
    ...[...START, 0x06, 9],
    ...[...START, 0x65, 7, 8],
  ]);
});

test('lengths may be shorter than four bytes', () => {
  const toPicture = annexBWriter(initSegment(avcC(2)));
  expect([...toPicture(Buffer.from([0, 2, 0x65, 7]))].slice(-6)).toEqual([...START, 0x65, 7]);
});

test('a sample that is cut off is refused', () => {
  const toPicture = annexBWriter(initSegment(avcC(4)));
  expect(() => toPicture(Buffer.from([0, 0, 0, 9, 0x65, 7]))).toThrow('must end within it');
});
