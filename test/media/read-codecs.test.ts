import { expect, test } from 'vitest';
import { readAvcCodec } from '../../src/media/read-codecs.ts';
import { box, initSegment, zeros } from './init-segment.ts';

test('profile, compatibility and level come from the real avcC', () => {
  expect(readAvcCodec(initSegment([1, 0x64, 0x00, 0x1f, 0xff]))).toBe('avc1.64001f');
  expect(readAvcCodec(initSegment([1, 0x42, 0xc0, 0x0d, 0xff]))).toBe('avc1.42c00d');
});

test('what is no H.264 init segment is said to lack the box that is missing', () => {
  expect(() => readAvcCodec(box('ftyp', zeros(20)))).toThrow('init segment must hold moov');
  expect(() => readAvcCodec(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]))).toThrow('init segment must hold moov');
  expect(() => readAvcCodec(initSegment([]).subarray(0, 60))).toThrow('init segment must hold');
});
