import { expect, test } from 'vitest';
import { readVideoCodec } from '../../src/media/read-codecs.ts';
import { av1InitSegment, box, initSegment, zeros } from './init-segment.ts';

test('profile, compatibility and level come from the real avcC', () => {
  expect(readVideoCodec(initSegment([1, 0x64, 0x00, 0x1f, 0xff]))).toBe('avc1.64001f');
  expect(readVideoCodec(initSegment([1, 0x42, 0xc0, 0x0d, 0xff]))).toBe('avc1.42c00d');
});

test('profile, level, tier and depth come from the real av1C', () => {
  expect(readVideoCodec(av1InitSegment([0x81, 0x05, 0x0c, 0]))).toBe('av01.0.05M.08');
  expect(readVideoCodec(av1InitSegment([0x81, 0x0d, 0x8c | 0x40, 0]))).toBe('av01.0.13H.10');
  expect(readVideoCodec(av1InitSegment([0x81, 0x28, 0x60, 0]))).toBe('av01.1.08M.12');
});

test('what is no init segment is said to lack the box that is missing', () => {
  expect(() => readVideoCodec(box('ftyp', zeros(20)))).toThrow('init segment must hold moov');
  expect(() => readVideoCodec(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]))).toThrow('init segment must hold moov');
  expect(() => readVideoCodec(initSegment([]).subarray(0, 60))).toThrow('init segment must hold');
});
