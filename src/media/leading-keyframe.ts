/** Where in a segment its first picture is: `offset`..`offset + bytes` is the fragment's head and that sample, all a player needs. */
export type LeadingKeyframe = { offset: number; bytes: number };

// Flags of tfhd and trun (ISO/IEC 14496-12, 8.8.7 and 8.8.8).
const TFHD_BASE_DATA_OFFSET = 0x1;
const TFHD_OPTIONAL = [0x1, 0x2, 0x8, 0x10, 0x20] as const;
const TFHD_BYTES: Record<number, number> = { 1: 8, 2: 4, 8: 4, 16: 4, 32: 4 };
const TFHD_DEFAULT_SIZE = 0x10;
const TFHD_DEFAULT_FLAGS = 0x20;
const TRUN_DATA_OFFSET = 0x1;
const TRUN_FIRST_FLAGS = 0x4;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
/** sample_is_non_sync_sample */
const NON_SYNC = 0x10000;

/**
 * The first fragment's head and first sample of an fMP4 segment of one track; null where that sample is no sync sample, or the
 * segment says less than is needed.
 */
export function findLeadingKeyframe(segment: Uint8Array): LeadingKeyframe | null {
  const found = findFirstSync(segment);
  return found && { offset: found.head, bytes: found.end - found.head };
}

/** The sample alone, from the bytes that a `LeadingKeyframe` says; null where there is none. */
export function readLeadingSample(segment: Uint8Array): Uint8Array | null {
  const found = findFirstSync(segment);
  return found && segment.subarray(found.start, found.end);
}

/** `head` is where the fragment begins, `start`..`end` its first sample. */
function findFirstSync(segment: Uint8Array): { head: number; start: number; end: number } | null {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength);
  const moof = findBox(bytes, 0, bytes.length, 'moof');
  const traf = moof && findBox(bytes, moof.body, moof.end, 'traf');
  const tfhd = traf && findBox(bytes, traf.body, traf.end, 'tfhd');
  const trun = traf && findBox(bytes, traf.body, traf.end, 'trun');
  if (!moof || !tfhd || !trun) return null;
  try {
    const defaults = readTrackHeader(bytes, tfhd.body);
    const first = readFirstSample(bytes, trun.body);
    const size = first?.size ?? defaults.size;
    const flags = first?.flags ?? defaults.flags ?? 0;
    if (!first || !size || (flags & NON_SYNC) !== 0) return null;
    // Without a base of its own, offsets count from the fragment's head.
    const start = (defaults.base ?? moof.start) + first.dataOffset;
    const end = start + size;
    return start >= moof.end && end <= bytes.length ? { head: moof.start, start, end } : null;
  } catch (error) {
    // A box that ends before its fields do.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readTrackHeader(bytes: Buffer, body: number): { base: number | null; size?: number; flags?: number } {
  const present = bytes.readUInt32BE(body) & 0xffffff;
  const at: Record<number, number> = {};
  let offset = body + 8;
  for (const field of TFHD_OPTIONAL) {
    if ((present & field) === 0) continue;
    at[field] = offset;
    offset += TFHD_BYTES[field] ?? 0;
  }
  const read = (field: number): number | undefined => {
    const where = at[field];
    return where === undefined ? undefined : bytes.readUInt32BE(where);
  };
  const size = read(TFHD_DEFAULT_SIZE);
  const flags = read(TFHD_DEFAULT_FLAGS);
  const base = at[TFHD_BASE_DATA_OFFSET];
  return {
    base: base === undefined ? null : Number(bytes.readBigUInt64BE(base)),
    ...(size === undefined ? {} : { size }),
    ...(flags === undefined ? {} : { flags }),
  };
}

function readFirstSample(bytes: Buffer, body: number): { dataOffset: number; size?: number; flags?: number } | null {
  const present = bytes.readUInt32BE(body) & 0xffffff;
  if (bytes.readUInt32BE(body + 4) === 0) return null;
  let offset = body + 8;
  const next = (flag: number): number | undefined => {
    if ((present & flag) === 0) return undefined;
    offset += 4;
    return offset - 4;
  };
  const dataOffset = next(TRUN_DATA_OFFSET);
  const firstFlags = next(TRUN_FIRST_FLAGS);
  next(TRUN_DURATION);
  const size = next(TRUN_SIZE);
  const flags = next(TRUN_FLAGS) ?? firstFlags;
  // Samples would follow the ones of an earlier run.
  if (dataOffset === undefined) return null;
  return {
    dataOffset: bytes.readInt32BE(dataOffset),
    ...(size === undefined ? {} : { size: bytes.readUInt32BE(size) }),
    ...(flags === undefined ? {} : { flags: bytes.readUInt32BE(firstFlags ?? flags) }),
  };
}

type Box = { start: number; body: number; end: number };

function findBox(bytes: Buffer, from: number, to: number, wanted: string): Box | null {
  for (let start = from; start + 8 <= to; ) {
    const size = bytes.readUInt32BE(start);
    if (size < 8 || start + size > to) return null;
    if (bytes.toString('latin1', start + 4, start + 8) === wanted) return { start, body: start + 8, end: start + size };
    start += size;
  }
  return null;
}
