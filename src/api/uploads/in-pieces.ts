import { finished, type Readable } from 'node:stream';

/**
 * The bytes of a body in pieces of at most `mostBytes`, as they come. Iterating over a stream takes all it has buffered at once, and
 * as much again then crosses the line in one burst; small pieces make room for one read of the socket at a time. Throws what
 * ends the body early, and destroys it when nobody takes the rest.
 */
export async function* inPieces(body: Readable, mostBytes: number): AsyncGenerator<Buffer> {
  let [isOver, failure]: [boolean, Error | null] = [false, null];
  let wake: () => void = () => {};
  const onReadable = (): void => wake();
  const unwatch = finished(body, { writable: false }, (error) => {
    [isOver, failure] = [true, error ?? null];
    wake();
  });
  body.on('readable', onReadable);
  try {
    for (;;) {
      // More than there is would wait for all of it; nothing asks for more.
      const piece: Buffer | null = body.read(Math.min(mostBytes, body.readableLength));
      if (piece !== null) {
        yield piece;
        continue;
      }
      if (failure !== null) throw failure;
      if (isOver) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    body.off('readable', onReadable);
    unwatch();
    if (!isOver) body.destroy();
  }
}
