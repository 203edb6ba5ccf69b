import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inPieces } from '../../../src/api/uploads/in-pieces.ts';

async function all(body: Readable, mostBytes: number): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of inPieces(body, mostBytes)) pieces.push(piece);
  return pieces;
}

describe('a body in pieces', () => {
  it('is all there, in order, none of them too large', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        async (chunks, most) => {
          const pieces = await all(
            Readable.from(
              chunks.map((chunk) => Buffer.from(chunk)),
              { objectMode: false },
            ),
            most,
          );
          expect(Buffer.concat(pieces)).toEqual(Buffer.concat(chunks));
          for (const { length } of pieces) expect(length).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('comes as it comes, and leaves the rest where it is meanwhile', async () => {
    const body = new PassThrough({ highWaterMark: 8 });
    const pieces = inPieces(body, 4);
    body.write(Buffer.from('abcdefgh'));
    expect((await pieces.next()).value?.toString()).toBe('abcd');
    expect(body.readableLength).toBe(4);
    expect((await pieces.next()).value?.toString()).toBe('efgh');
    const later = pieces.next();
    body.end(Buffer.from('i'));
    expect((await later).value?.toString()).toBe('i');
    expect((await pieces.next()).done).toBe(true);
  });

  it('ends as its body ends', async () => {
    const broken = new PassThrough();
    broken.write('x');
    setImmediate(() => broken.destroy(new Error('cut')));
    await expect(all(broken, 4)).rejects.toThrow('cut');
    const left = new PassThrough();
    left.write('x');
    setImmediate(() => left.destroy());
    await expect(all(left, 4)).rejects.toThrow(/premature/i);
  });

  it('is destroyed when nobody takes the rest', async () => {
    const body = new PassThrough();
    body.write('abcdefgh');
    for await (const piece of inPieces(body, 4)) if (piece.length > 0) break;
    expect(body.destroyed).toBe(true);
  });
});
