import { Readable } from 'node:stream';

/** Whoever says when to read on. */
export type Pacer = {
  /** Bytes of a party were read; resolves when it may read on. */
  pay(party: string, bytes: number): Promise<void>;
  /** A clock that never jumps. */
  monotonicMs(): number;
};

/** Whose body it is, and who wants to know for how long it was held up. */
export type Payer = { party: string; onHeld(heldMs: number): void };

/**
 * The same bytes, read no faster than their share of the line allows: what is not read stays in the kernel, whose window
 * closes, and the sender slows down. Each piece is passed on before it is paid for, so that none is held in memory.
 */
export function paceBody(body: Readable, pacer: Pacer, { party, onHeld }: Payer): Readable {
  async function* paced(): AsyncGenerator<Buffer> {
    for await (const piece of body as AsyncIterable<Buffer>) {
      yield piece;
      const sinceMs = pacer.monotonicMs();
      await pacer.pay(party, piece.length);
      onHeld(pacer.monotonicMs() - sinceMs);
    }
  }
  return Readable.from(paced(), { objectMode: false });
}
