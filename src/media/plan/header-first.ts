/** Bytes of an upload's beginning that are enough to tell; what shows nothing within them is taken for header-last. */
export const HEADER_LOOK_BYTES = 1024 * 1024;

/**
 * Whether a file can be decoded while its end is still to come. `header-first` from `headerBytes` on; `header-last` (the index
 * is at the end, or it is no container that we know) never; `unknown` until more of it is here.
 */
export type HeaderPosition =
  | { kind: 'header-first'; headerBytes: number }
  | { kind: 'header-last' }
  | { kind: 'unknown' };

const LAST: HeaderPosition = { kind: 'header-last' };

/** Looks at the first bytes of a file: MP4 and MOV by their boxes, Matroska and WebM by their elements, MPEG-TS by its sync bytes. */
export function findHeader(prefix: Uint8Array): HeaderPosition {
  const bytes = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const found = findIn(bytes);
  return found.kind === 'unknown' && bytes.length >= HEADER_LOOK_BYTES ? LAST : found;
}

function findIn(bytes: Buffer): HeaderPosition {
  if (bytes.length < 12) return { kind: 'unknown' };
  if (bytes.readUInt32BE(0) === EBML) return walkElements(bytes);
  if (FIRST_BOXES.has(bytes.toString('latin1', 4, 8))) return walkBoxes(bytes);
  return findPackets(bytes);
}

/** What files of the ISO family and its ancestor QuickTime begin with. */
const FIRST_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot']);

/** ISO/IEC 14496-12, 4.2: 32-bit size and type; a size of 1 is followed by 64 bits of it, 0 reaches to the end of the file. */
function walkBoxes(bytes: Buffer): HeaderPosition {
  for (let offset = 0; ; ) {
    if (offset + 16 > bytes.length) return { kind: 'unknown' };
    const stated = bytes.readUInt32BE(offset);
    const size = stated === 1 ? Number(bytes.readBigUInt64BE(offset + 8)) : stated;
    const type = bytes.toString('latin1', offset + 4, offset + 8);
    if (type === 'mdat' || size < 8) return LAST;
    if (type === 'moov') return { kind: 'header-first', headerBytes: offset + size };
    offset += size;
  }
}

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const CLUSTER = 0x1f43b675;

/** RFC 8794 and RFC 9559: the segment's children up to its first cluster must have named the tracks. */
function walkElements(bytes: Buffer): HeaderPosition {
  let hasTracks = false;
  for (let offset = 0; ; ) {
    const element = readElement(bytes, offset);
    if (element === 'cut') return { kind: 'unknown' };
    if (element === 'broken') return LAST;
    if (element.id === CLUSTER) return hasTracks ? { kind: 'header-first', headerBytes: offset } : LAST;
    hasTracks ||= element.id === TRACKS;
    if (element.id === SEGMENT) offset = element.bodyAt;
    else if (element.size === null) return LAST;
    else offset = element.bodyAt + element.size;
  }
}

type Element = { id: number; bodyAt: number /** Null: not known when it was written. */; size: number | null };

function readElement(bytes: Buffer, at: number): Element | 'cut' | 'broken' {
  const id = readVint(bytes, at, 4);
  if (typeof id === 'string') return id;
  const size = readVint(bytes, at + id.length, 8);
  if (typeof size === 'string') return size;
  const bodyAt = at + id.length + size.length;
  const marked = 2 ** (7 * size.length);
  const value = size.value - marked;
  return { id: id.value, bodyAt, size: value === marked - 1 ? null : value };
}

/** A number with its length marker still in it. */
function readVint(bytes: Buffer, at: number, longest: number): { value: number; length: number } | 'cut' | 'broken' {
  const first = bytes[at];
  if (first === undefined) return 'cut';
  const length = Math.clz32(first) - 23;
  if (length > longest) return 'broken';
  if (at + length > bytes.length) return 'cut';
  let value = 0;
  for (const byte of bytes.subarray(at, at + length)) value = value * 256 + byte;
  return { value, length };
}

const SYNC = 0x47;
/** Plain packets, and those of camcorders with four bytes of time before each (ISO/IEC 13818-1, BDAV). */
const PACKETS = [
  { bytes: 188, syncAt: 0 },
  { bytes: 192, syncAt: 4 },
];
const SYNCS_IN_A_ROW = 8;
/** Tables and the first pictures come within this. */
const STREAM_HEADER_BYTES = 64 * 1024;

function findPackets(bytes: Buffer): HeaderPosition {
  const possible = PACKETS.filter(({ bytes: every, syncAt }) => {
    for (let packet = 0; packet < SYNCS_IN_A_ROW; packet += 1) {
      const sync = bytes[packet * every + syncAt];
      if (sync !== undefined && sync !== SYNC) return false;
    }
    return true;
  });
  if (possible.length === 0) return LAST;
  return bytes.length < SYNCS_IN_A_ROW * 192
    ? { kind: 'unknown' }
    : { kind: 'header-first', headerBytes: STREAM_HEADER_BYTES };
}
