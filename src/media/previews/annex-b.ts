import { MediaError } from '../media-error.ts';
import { findAvcC } from '../read-codecs.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);
/** An access unit delimiter: what follows is a picture of its own, however alike two neighbours are numbered. */
const DELIMITER = Buffer.concat([START_CODE, Buffer.from([0x09, 0xf0])]);

/** What turns samples of an H.264 track into pictures that decode by themselves, in a raw stream (ISO/IEC 14496-10, Annex B). */
export function annexBWriter(init: Uint8Array): (sample: Uint8Array) => Buffer {
  const avcC = findAvcC(init);
  const lengthBytes = (avcC.readUInt8(4) & 3) + 1;
  const parameterSets = withStartCodes(readParameterSets(avcC));
  return (sample) => Buffer.concat([DELIMITER, parameterSets, withStartCodes(splitUnits(sample, lengthBytes))]);
}

/** Sequence, then picture parameter sets (ISO/IEC 14496-15, 5.3.3.1). */
function readParameterSets(avcC: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let offset = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = avcC.readUInt8(offset) & mask;
    offset += 1;
    for (let index = 0; index < count; index += 1) {
      const length = avcC.readUInt16BE(offset);
      units.push(avcC.subarray(offset + 2, offset + 2 + length));
      offset += 2 + length;
    }
  }
  return units;
}

function splitUnits(sample: Uint8Array, lengthBytes: number): Buffer[] {
  const bytes = Buffer.from(sample.buffer, sample.byteOffset, sample.byteLength);
  const units: Buffer[] = [];
  for (let offset = 0; offset + lengthBytes <= bytes.length; ) {
    const start = offset + lengthBytes;
    const length = bytes.readUIntBE(offset, lengthBytes);
    if (length === 0 || start + length > bytes.length)
      throw new MediaError(
        'unreadable-output',
        `a unit of a sample must end within it (got ${length} bytes at ${start})`,
      );
    units.push(bytes.subarray(start, start + length));
    offset = start + length;
  }
  return units;
}

const withStartCodes = (units: readonly Buffer[]): Buffer => Buffer.concat(units.flatMap((unit) => [START_CODE, unit]));
