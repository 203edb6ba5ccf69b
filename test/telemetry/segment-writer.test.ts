import { describe, expect, it } from 'vitest';
import { SegmentWriter } from '../../src/telemetry/spool/segment-writer.ts';

type Handle = ConstructorParameters<typeof SegmentWriter>[0];
type Write = { end(): void; fail(error: Error): void };

/** A file whose writes end when the test says so. */
function openFile() {
  const writes: Write[] = [];
  const calls: string[] = [];
  const handle = {
    write: (buffer: Buffer, offset: number, length: number, position: number) =>
      new Promise((resolve, reject) => {
        const text = buffer.toString('utf8', offset, offset + length);
        calls.push(`write ${text} at ${position}`);
        writes.push({ end: () => resolve({ bytesWritten: length, buffer }), fail: reject });
      }),
    truncate: async (bytes: number) => void calls.push(`truncate ${bytes}`),
    close: async () => void calls.push('close'),
  };
  const writer = new SegmentWriter(handle as unknown as Handle, 7);
  return { writer, writes, calls };
}

/** Lets everything that can go on do so. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a segment that is written', () => {
  it('answers a write only when all that was begun before it is on disk', async () => {
    const { writer, writes, calls } = openFile();
    const answered: string[] = [];
    void writer.write(Buffer.from('aaa'), 3).then(() => answered.push('first'));
    void writer.write(Buffer.from('bb'), 2).then(() => answered.push('second'));
    expect([calls, writer.underWay]).toEqual([['write aaa at 0', 'write bb at 3'], 2]);
    writes[1]?.end();
    await turn();
    expect([answered, writer.stored.rows]).toEqual([[], 0]);
    writes[0]?.end();
    await turn();
    expect(answered).toEqual(['first', 'second']);
    expect([writer.underWay, writer.stored]).toMatchObject([0, { rows: 5, bytes: 5 }]);
  });

  it('fails what was begun behind a write that failed, cuts all of it off, and goes on from there', async () => {
    const { writer, writes, calls } = openFile();
    const full = new Error('ENOSPC');
    const kept = writer.write(Buffer.from('a'), 1);
    writes[0]?.end();
    expect(await kept).toBeNull();
    const answers = Promise.all([writer.write(Buffer.from('bb'), 1), writer.write(Buffer.from('ccc'), 1)]);
    writes[1]?.fail(full);
    writes[2]?.end();
    expect(await answers).toEqual([full, full]);
    expect([writer.isTorn, writer.stored.bytes]).toEqual([true, 1]);
    const next = writer.write(Buffer.from('d'), 1);
    await turn();
    writes[3]?.end();
    expect(await next).toBeNull();
    expect(calls.slice(-2)).toEqual(['truncate 1', 'write d at 1']);
    expect([writer.isTorn, writer.stored.rows]).toEqual([false, 2]);
  });

  it('writes the rest of what the system wrote in part', async () => {
    const calls: number[][] = [];
    const write = async (_: Buffer, offset: number, length: number, position: number) => {
      calls.push([offset, length, position]);
      return { bytesWritten: Math.min(length, 2) };
    };
    const writer = new SegmentWriter({ write } as unknown as Handle, 7);
    expect(await writer.write(Buffer.from('abcde'), 1)).toBeNull();
    expect(calls).toEqual([
      [0, 5, 0],
      [2, 3, 2],
      [4, 1, 4],
    ]);
  });

  it('closes without what failed last', async () => {
    const { writer, writes, calls } = openFile();
    const failed = writer.write(Buffer.from('aa'), 1);
    writes[0]?.fail(new Error('EIO'));
    await failed;
    await writer.close();
    expect(calls.slice(-2)).toEqual(['truncate 0', 'close']);
  });
});
