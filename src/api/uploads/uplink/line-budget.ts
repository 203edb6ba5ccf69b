import type { Server } from 'node:http';

/** Uploads may have this much of the line while nobody reads: the rest is free for the first bytes of whoever comes. */
const UPLOADS_AT_MOST = 0.65;
/** And this much however much is read: whoever uploads gets on. */
const UPLOADS_AT_LEAST = 0.25;
/** Uploads and reads together stay below the line's width, so that its queue, which nobody here governs, stays empty. */
const USED_AT_MOST = 0.95;
/** How long a read counts, exponentially: about as long as a segment takes. */
const MEMORY_MS = 2_000;

/** How much of a line uploads may take, beside what is being read over it. */
export type LineBudget = {
  /** Bytes went out. */
  sent(bytes: number): void;
  uploadBytesPerSecond(): number;
};

/** A budget for a line of `lineKbps` that uploads and reads share. */
export function createLineBudget(lineKbps: number, monotonicMs: () => number): LineBudget {
  const lineBytesPerSecond = (lineKbps * 1000) / 8;
  let recentBytes = 0;
  let atMs = monotonicMs();

  function fade(): void {
    const nowMs = monotonicMs();
    recentBytes *= Math.exp((atMs - nowMs) / MEMORY_MS);
    atMs = nowMs;
  }

  return {
    sent(bytes) {
      fade();
      recentBytes += bytes;
    },
    uploadBytesPerSecond() {
      fade();
      const readBytesPerSecond = recentBytes / (MEMORY_MS / 1000);
      const free = USED_AT_MOST * lineBytesPerSecond - readBytesPerSecond;
      return Math.min(UPLOADS_AT_MOST * lineBytesPerSecond, Math.max(UPLOADS_AT_LEAST * lineBytesPerSecond, free));
    },
  };
}

/** Tells the budget of every answer of `server`, headers and all, when it has been sent. */
export function watchReads(server: Server, budget: Pick<LineBudget, 'sent'>): void {
  // Before the handler, which may have answered by the time that others are asked.
  server.prependListener('request', ({ socket }, response) => {
    const sentBefore = socket.bytesWritten;
    response.once('close', () => budget.sent(Math.max(0, socket.bytesWritten - sentBefore)));
  });
}
