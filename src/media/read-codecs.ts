import { MediaError } from './media-error.ts';

/** Boxes on the way to the sample entry, with the bytes each has before its children (ISO/IEC 14496-12). */
const PATH: readonly (readonly [type: string, headerBytes: number])[] = [
  ['moov', 0],
  ['trak', 0],
  ['mdia', 0],
  ['minf', 0],
  ['stbl', 0],
  ['stsd', 8],
  ['avc1', 78],
  ['avcC', 0],
];

/** RFC 6381 codec of an H.264 init segment, from its real avcC: `avc1.PPCCLL`. Throws `unreadable-output`. */
export function readAvcCodec(init: Uint8Array): string {
  // configurationVersion, AVCProfileIndication, profile_compatibility, AVCLevelIndication (ISO/IEC 14496-15).
  return `avc1.${findAvcC(init).subarray(1, 4).toString('hex')}`;
}

/** The decoder configuration record of an H.264 init segment (ISO/IEC 14496-15, 5.3.3.1). Throws `unreadable-output`. */
export function findAvcC(init: Uint8Array): Buffer {
  let bytes = Buffer.from(init.buffer, init.byteOffset, init.byteLength);
  for (const [type, headerBytes] of PATH) {
    const body = findBox(bytes, type);
    if (!body) throw new MediaError('unreadable-output', `init segment must hold ${type} (got none)`);
    bytes = body.subarray(headerBytes);
  }
  return bytes;
}

function findBox(bytes: Buffer, wanted: string): Buffer | null {
  for (let offset = 0; offset + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(offset);
    if (size < 8) return null;
    if (bytes.toString('latin1', offset + 4, offset + 8) === wanted) return bytes.subarray(offset + 8, offset + size);
    offset += size;
  }
  return null;
}
