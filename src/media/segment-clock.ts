import { MediaError } from './media-error.ts';

/** What one fMP4 segment of one track says of time (ISO/IEC 14496-12), in ticks of its track. */
export type SegmentClock = { startTicks: bigint; frames: number };

/** Start and number of frames of a media segment, over all its fragments. Throws `unreadable-output`. */
export function readSegmentClock(segment: Buffer): SegmentClock {
  let startTicks: bigint | null = null;
  let frames = 0;
  for (const track of fragments(segment)) {
    for (const { type, body } of boxes(track)) {
      if (type === 'tfdt') startTicks ??= readTime(body);
      // Version and flags, then sample_count (8.8.8).
      if (type === 'trun') frames += body.readUInt32BE(4);
    }
  }
  if (startTicks === null) throw new MediaError('unreadable-output', 'segment must hold tfdt (got none)');
  return { startTicks, frames };
}

/** The segment as if its track had begun `ticks` earlier: moves decode times and what the index box says of them, in place. */
export function delaySegment(segment: Buffer, ticks: bigint): void {
  for (const { type, body } of boxes(segment)) {
    // Version and flags, reference_ID, timescale, then earliest_presentation_time (8.16.3).
    if (type === 'sidx') addTime(body, 12, ticks);
  }
  for (const track of fragments(segment)) {
    for (const { type, body } of boxes(track)) if (type === 'tfdt') addTime(body, 4, ticks);
  }
}

/** Ticks per second of the only track of an init segment. Throws `unreadable-output`. */
export function readTimescale(init: Buffer): number {
  const header = ['moov', 'trak', 'mdia', 'mdhd'].reduce<Buffer | undefined>(
    (bytes, wanted) => bytes && boxes(bytes).find(({ type }) => type === wanted)?.body,
    init,
  );
  if (!header) throw new MediaError('unreadable-output', 'init segment must hold mdhd (got none)');
  // Creation and modification time come first, twice as wide in version 1 (8.4.2).
  return header.readUInt32BE(header[0] === 1 ? 20 : 12);
}

type Box = { type: string; body: Buffer };

/** Bodies of all `traf` boxes: one per fragment, because there is one track. */
const fragments = (segment: Buffer): Buffer[] =>
  boxes(segment)
    .filter(({ type }) => type === 'moof')
    .flatMap(({ body }) => boxes(body).flatMap(({ type, body: track }) => (type === 'traf' ? [track] : [])));

function boxes(bytes: Buffer): Box[] {
  const found: Box[] = [];
  for (let offset = 0; offset + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(offset);
    if (size < 8 || offset + size > bytes.length) {
      throw new MediaError('unreadable-output', `box must have 8 to ${bytes.length - offset} bytes (got ${size})`);
    }
    found.push({
      type: bytes.toString('latin1', offset + 4, offset + 8),
      body: bytes.subarray(offset + 8, offset + size),
    });
    offset += size;
  }
  return found;
}

const isWide = (body: Buffer): boolean => body[0] === 1;

const readTime = (body: Buffer): bigint => (isWide(body) ? body.readBigUInt64BE(4) : BigInt(body.readUInt32BE(4)));

function addTime(body: Buffer, offset: number, ticks: bigint): void {
  if (isWide(body)) body.writeBigUInt64BE(body.readBigUInt64BE(offset) + ticks, offset);
  else body.writeUInt32BE(Number(BigInt(body.readUInt32BE(offset)) + ticks), offset);
}
