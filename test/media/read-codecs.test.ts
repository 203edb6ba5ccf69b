import { expect, test } from 'vitest';
import { readAvcCodec } from '../../src/media/read-codecs.ts';

function box(type: string, ...children: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(children.map((child) => Buffer.from(child)));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length + 8);
  return Buffer.concat([size, Buffer.from(type, 'latin1'), body]);
}
const zeros = (count: number): number[] => new Array<number>(count).fill(0);

function initSegment(avcC: number[]): Buffer {
  const stsd = box('stsd', zeros(8), box('avc1', zeros(78), box('avcC', avcC)));
  const trak = box('trak', box('tkhd', zeros(84)), box('mdia', box('minf', box('vmhd', zeros(12)), box('stbl', stsd))));
  return Buffer.concat([box('ftyp', zeros(20)), box('moov', box('mvhd', zeros(100)), trak)]);
}

test('profile, compatibility and level come from the real avcC', () => {
  expect(readAvcCodec(initSegment([1, 0x64, 0x00, 0x1f, 0xff]))).toBe('avc1.64001f');
  expect(readAvcCodec(initSegment([1, 0x42, 0xc0, 0x0d, 0xff]))).toBe('avc1.42c00d');
});

test('what is no H.264 init segment is said to lack the box that is missing', () => {
  expect(() => readAvcCodec(box('ftyp', zeros(20)))).toThrow('init segment must hold moov');
  expect(() => readAvcCodec(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]))).toThrow('init segment must hold moov');
  expect(() => readAvcCodec(initSegment([]).subarray(0, 60))).toThrow('init segment must hold');
});
