import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findHeader, HEADER_LOOK_BYTES } from '../../../src/media/plan/header-first.ts';

function box(type: string, body = 0, largeSize = false): Buffer {
  const header = Buffer.alloc(largeSize ? 16 : 8);
  header.writeUInt32BE(largeSize ? 1 : 8 + body);
  header.write(type, 4, 'latin1');
  if (largeSize) header.writeBigUInt64BE(BigInt(16 + body), 8);
  return Buffer.concat([header, Buffer.alloc(body)]);
}
const element = (id: number[], size: number[], body = 0): Buffer =>
  Buffer.from([...id, ...size, ...Array(body).fill(0)]);
const EBML = element([0x1a, 0x45, 0xdf, 0xa3], [0x84], 4);
const SEGMENT = element([0x18, 0x53, 0x80, 0x67], [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
const VOID = element([0xec], [0x40, 0x50], 0x50);
const TRACKS = element([0x16, 0x54, 0xae, 0x6b], [0x88], 8);
const CLUSTER = element([0x1f, 0x43, 0xb6, 0x75], [0xff], 40);

function packets(bytes: number, syncAt: number): Buffer {
  const packet = Buffer.alloc(bytes);
  packet[syncAt] = 0x47;
  return Buffer.concat(Array(20).fill(packet));
}

const files: Record<string, { file: Buffer; headerBytes: number | null }> = {
  'an MP4 with its index first': {
    file: Buffer.concat([box('ftyp', 16), box('free', 5), box('moov', 300), box('mdat', 900)]),
    headerBytes: 24 + 13 + 308,
  },
  'a fragmented MP4': {
    file: Buffer.concat([box('ftyp', 16), box('moov', 100), box('moof', 80), box('mdat', 900)]),
    headerBytes: 24 + 108,
  },
  'an MP4 with a 64-bit size before its index': {
    file: Buffer.concat([box('ftyp', 16), box('free', 20, true), box('moov', 50), box('mdat', 9)]),
    headerBytes: 24 + 36 + 58,
  },
  'an MP4 with its index last': {
    file: Buffer.concat([box('ftyp', 16), box('mdat', 900), box('moov', 90)]),
    headerBytes: null,
  },
  'a QuickTime file that begins with its media': {
    file: Buffer.concat([box('wide'), box('mdat', 90), box('moov', 9)]),
    headerBytes: null,
  },
  'a WebM whose segment is of unknown size': {
    file: Buffer.concat([EBML, SEGMENT, VOID, TRACKS, CLUSTER]),
    headerBytes: EBML.length + SEGMENT.length + VOID.length + TRACKS.length,
  },
  'a Matroska file without tracks': { file: Buffer.concat([EBML, SEGMENT, VOID, CLUSTER]), headerBytes: null },
  'a transport stream': { file: packets(188, 0), headerBytes: 65_536 },
  'a camcorder transport stream': { file: packets(192, 4), headerBytes: 65_536 },
  'a text': { file: Buffer.from('#EXTM3U\n#EXT-X-VERSION:3\n'.repeat(90)), headerBytes: null },
};

test.each(Object.entries(files))('%s is told from its first bytes', (_name, { file, headerBytes }) => {
  expect(findHeader(file)).toEqual(
    headerBytes === null ? { kind: 'header-last' } : { kind: 'header-first', headerBytes },
  );
});

test('however little of a file is there, it is never taken for something else, and more never takes back what was said', () => {
  const all = Object.values(files);
  fc.assert(
    fc.property(fc.nat(all.length - 1), fc.double({ min: 0, max: 1, noNaN: true }), (index, share) => {
      const { file } = all[index] ?? { file: Buffer.alloc(0) };
      const early = findHeader(file.subarray(0, Math.floor(file.length * share)));
      if (early.kind !== 'unknown') expect(early).toEqual(findHeader(file));
    }),
  );
});

test('no bytes whatever confuse it, and a megabyte is always enough', () => {
  const starts = [EBML, SEGMENT, box('ftyp', 4), box('moov', 2), Buffer.from([0x47])];
  fc.assert(
    fc.property(fc.nat(starts.length - 1), fc.uint8Array({ maxLength: 4000 }), (index, noise) => {
      const bytes = Buffer.concat([starts[index] ?? Buffer.alloc(0), noise]);
      expect(['header-first', 'header-last', 'unknown']).toContain(findHeader(bytes).kind);
    }),
  );
  const endlessFree = Buffer.concat(Array(HEADER_LOOK_BYTES / 8).fill(box('free')));
  expect(findHeader(endlessFree)).toEqual({ kind: 'header-last' });
});
