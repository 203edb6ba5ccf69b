import { MediaError } from './media-error.ts';

/** Boxes on the way to the sample entries, with the bytes each has before its children (ISO/IEC 14496-12). */
const TO_SAMPLE_ENTRIES: readonly (readonly [type: string, headerBytes: number])[] = [
  ['moov', 0],
  ['trak', 0],
  ['mdia', 0],
  ['minf', 0],
  ['stbl', 0],
  ['stsd', 8],
];
/** A visual sample entry's fields before the boxes in it. */
const VISUAL_ENTRY_BYTES = 78;

/** RFC 6381 codec of an init segment, from its real decoder configuration: `avc1.PPCCLL` or `av01.P.LLT.DD`. Throws `unreadable-output`. */
export function readVideoCodec(init: Uint8Array): string {
  const av1C = findConfiguration(init, 'av01', 'av1C');
  if (av1C) return av1Codec(av1C);
  // configurationVersion, AVCProfileIndication, profile_compatibility, AVCLevelIndication (ISO/IEC 14496-15).
  return `avc1.${findAvcC(init).subarray(1, 4).toString('hex')}`;
}

/** The decoder configuration record of an H.264 init segment (ISO/IEC 14496-15, 5.3.3.1). Throws `unreadable-output`. */
export function findAvcC(init: Uint8Array): Buffer {
  const avcC = findConfiguration(init, 'avc1', 'avcC');
  if (!avcC) throw new MediaError('unreadable-output', 'init segment must hold avcC (got none)');
  return avcC;
}

/** Codecs Parameter String of the AV1 codec ISO media file format binding, section 5; what may be left out says 4:2:0, BT.709. */
function av1Codec(av1C: Buffer): string {
  const [, profileAndLevel = 0, flags = 0] = av1C;
  const profile = profileAndLevel >> 5;
  const level = String(profileAndLevel & 0x1f).padStart(2, '0');
  const tier = flags & 0x80 ? 'H' : 'M';
  const isHigh = (flags & 0x40) !== 0;
  const depth = isHigh && flags & 0x20 ? '12' : isHigh ? '10' : '08';
  return `av01.${profile}.${level}${tier}.${depth}`;
}

function findConfiguration(init: Uint8Array, entry: string, configuration: string): Buffer | null {
  let bytes = Buffer.from(init.buffer, init.byteOffset, init.byteLength);
  for (const [type, headerBytes] of TO_SAMPLE_ENTRIES) {
    const body = findBox(bytes, type);
    if (!body) throw new MediaError('unreadable-output', `init segment must hold ${type} (got none)`);
    bytes = body.subarray(headerBytes);
  }
  const body = findBox(bytes, entry);
  return body && findBox(body.subarray(VISUAL_ENTRY_BYTES), configuration);
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
