import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { formatException, formatExceptionTrailer, toClickHouseException } from './clickhouse-exception.ts';
import { beginBody, type ReplyBody, sendWhole } from './reply.ts';
import { NO_PROGRESS, type ReplyHead, type Summary } from './reply-head.ts';

/** Kept back before the head is sent, so that a statement that fails early still gets its status code. */
const HELD_BYTES = 1024 * 1024;

/**
 * Passes rows on as fast as the client takes them. Reads them to the end even when the client has gone, since the engine
 * waits for its reader. A failure within the first 1 MiB throws; a later one goes into the body, which is then cut off.
 */
export async function sendRows(
  res: ServerResponse,
  head: ReplyHead,
  rows: AsyncIterable<Buffer>,
  settled: Promise<Summary>,
): Promise<void> {
  settled.catch(() => {}); // looked at below, when the rows have ended
  const held: Buffer[] = [];
  let heldBytes = 0;
  let body: ReplyBody | null = null;
  for await (const chunk of rows) {
    held.push(chunk);
    heldBytes += chunk.length;
    if (body === null && heldBytes < HELD_BYTES) continue;
    body ??= beginBody(res, head, NO_PROGRESS);
    await write(res, body.out, Buffer.concat(held.splice(0)));
  }
  const outcome = await settled.catch(toClickHouseException);
  if (outcome instanceof Error) {
    if (body === null) throw outcome;
    body.breakOff(formatExceptionTrailer(formatException(outcome, head.facts.version), head.exceptionTag));
  } else if (body === null) {
    sendWhole(res, head, Buffer.concat(held), outcome);
  } else {
    body.finish();
  }
}

/** Waits until the client can take more, or has gone. */
async function write(res: ServerResponse, out: Writable, chunk: Buffer): Promise<void> {
  if (res.destroyed || out.write(chunk)) return;
  const gone = new AbortController();
  const onClose = () => gone.abort();
  res.once('close', onClose);
  await once(out, 'drain', { signal: gone.signal }).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error;
  });
  res.off('close', onClose);
}
