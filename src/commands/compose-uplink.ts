import type { Server } from 'node:http';
import type { Pacer } from '../api/uploads/intake.ts';
import { FairShare } from '../api/uploads/uplink/fair-share.ts';
import { createLineBudget, watchReads } from '../api/uploads/uplink/line-budget.ts';

/** Uploads that leave reads their share of this host's line. */
export type Uplink = {
  pacer: Pacer;
  /** Counts what a server sends as read over the line. */
  watch(server: Server): void;
};

/** Null when nobody said how wide the line is: then nothing is paced. */
export function composeUplink(lineKbps: number | null): Uplink | null {
  if (lineKbps === null) return null;
  const monotonicMs = () => performance.now();
  const budget = createLineBudget(lineKbps, monotonicMs);
  const share = new FairShare({
    bytesPerSecond: budget.uploadBytesPerSecond,
    monotonicMs,
    callLater: (call, delayMs) => void setTimeout(call, delayMs),
  });
  return {
    pacer: { pay: (party, bytes) => share.pay(party, bytes), monotonicMs },
    watch: (server) => watchReads(server, budget),
  };
}
