import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/clickhouse/gate.ts';

const never = new AbortController().signal;

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('Gate', () => {
  it('never lets more through than it is wide, in order, whatever fails', async () => {
    const outcomes = fc.array(fc.boolean(), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), outcomes, async (width, fails) => {
        const gate = new Gate(width, 100);
        const started: number[] = [];
        let inside = 0;
        const work = fails.map((fail, index) =>
          gate.pass(never, async () => {
            started.push(index);
            inside += 1;
            expect(inside).toBeLessThanOrEqual(width);
            await Promise.resolve();
            inside -= 1;
            if (fail) throw new Error('failed');
          }),
        );
        const settled = await Promise.allSettled(work);
        expect(settled.map(({ status }) => status === 'rejected')).toEqual(fails);
        expect(started).toEqual(fails.map((_, index) => index));
      }),
    );
  });

  it('turns away what it cannot keep waiting', async () => {
    const gate = new Gate(1, 1);
    const inside = deferred();
    const first = gate.pass(never, () => inside.promise);
    const second = gate.pass(never, async () => 'second');
    await expect(gate.pass(never, async () => {})).rejects.toMatchObject({ code: 202 });
    inside.resolve();
    await first;
    await expect(second).resolves.toBe('second');
  });

  it('lets the next one through when one that waited gave up', async () => {
    const gate = new Gate(1, 10);
    const inside = deferred();
    const first = gate.pass(never, () => inside.promise);
    const patience = new AbortController();
    const second = gate.pass(patience.signal, async () => 'second');
    const third = gate.pass(never, async () => 'third');
    patience.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    inside.resolve();
    await first;
    await expect(third).resolves.toBe('third');
    await expect(gate.pass(patience.signal, async () => {})).rejects.toThrow('gone');
  });
});
