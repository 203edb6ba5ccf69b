/** An ISO box of this type around its children. */
export function box(type: string, ...children: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(children.map((child) => Buffer.from(child)));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length + 8);
  return Buffer.concat([size, Buffer.from(type, 'latin1'), body]);
}
export const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** An H.264 init segment, as small as it gets. */
export const initSegment = (avcC: number[]): Buffer => videoInit(box('avc1', zeros(78), box('avcC', avcC)));

/** The same of AV1. */
export const av1InitSegment = (av1C: number[]): Buffer => videoInit(box('av01', zeros(78), box('av1C', av1C)));

function videoInit(sampleEntry: Buffer): Buffer {
  const stsd = box('stsd', zeros(8), sampleEntry);
  const trak = box('trak', box('tkhd', zeros(84)), box('mdia', box('minf', box('vmhd', zeros(12)), box('stbl', stsd))));
  return Buffer.concat([box('ftyp', zeros(20)), box('moov', box('mvhd', zeros(100)), trak)]);
}
