import type { Socket } from 'node:net';

// One direction of the line. Senders' packets wait for room in the router's queue, take turns for it, leave it in order and
// at the line's rate. A long queue is what cheap routers have (first in, first out); a queue of two packets is fair queueing.

export type DirectionOptions = { bytesPerSecond: number; queueBytes: number };

/** One connection in one direction. */
export type Flow = {
  source: Socket;
  destination: Socket;
  waiting: Buffer[];
  waitingBytes: number;
  /** What its receiver has room for; senders stop at 0. */
  creditBytes: number;
  deliveredBytes: number;
  /** Waiting or on the line. */
  pendingBytes: number;
  ended: boolean;
};

const PACKET_BYTES = 1448;
const TICK_MS = 1;
/** After a late tick no more than this is made good at once. */
const MAX_CATCH_UP_MS = 20;
/** A sender's own buffer, from which packets are taken. */
const SENDER_BYTES = 64 * 1024;

/** All traffic one way, over one narrow line. */
export class Direction {
  readonly #options: DirectionOptions;
  #senders: Flow[] = [];
  #queue: { flow: Flow; packet: Buffer }[] = [];
  #queuedBytes = 0;
  #budgetBytes = 0;
  #tickedAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: DirectionOptions) {
    this.#options = options;
  }

  /** Everything `source` sends goes over this line to `destination`. */
  carry(source: Socket, destination: Socket, creditBytes: number): Flow {
    const counts = { waitingBytes: 0, deliveredBytes: 0, pendingBytes: 0 };
    const flow: Flow = { source, destination, waiting: [], ...counts, creditBytes, ended: false };
    source.on('data', (chunk: Buffer) => {
      if (flow.waitingBytes === 0) this.#senders.push(flow);
      flow.waiting.push(chunk);
      flow.waitingBytes += chunk.length;
      flow.pendingBytes += chunk.length;
      if (flow.waitingBytes >= SENDER_BYTES) source.pause();
      this.granted();
    });
    source.once('end', () => {
      flow.ended = true;
      endWhenEmpty(flow);
    });
    source.once('error', () => destination.destroy());
    source.once('close', () => {
      if (!flow.ended) destination.destroy();
    });
    return flow;
  }

  /** Something may have room now. */
  granted(): void {
    this.#admit();
    this.#wake();
  }

  /** Senders take turns, a packet each, while the queue has room. */
  #admit(): void {
    let refused = 0;
    while (this.#queuedBytes < this.#options.queueBytes && refused < this.#senders.length) {
      const flow = this.#senders.shift();
      if (flow === undefined) return;
      const size = Math.min(PACKET_BYTES, flow.creditBytes, flow.waiting[0]?.length ?? 0);
      if (size > 0) {
        this.#queue.push({ flow, packet: takeFrom(flow, size) });
        this.#queuedBytes += size;
      }
      refused = size > 0 ? 0 : refused + 1;
      if (flow.waitingBytes > 0) this.#senders.push(flow);
    }
  }

  #wake(): void {
    if (this.#timer !== null || this.#queue.length === 0) return;
    this.#tickedAtMs = performance.now();
    this.#budgetBytes = PACKET_BYTES;
    this.#tick();
  }

  #tick(): void {
    const now = performance.now();
    const elapsedMs = Math.min(now - this.#tickedAtMs, MAX_CATCH_UP_MS);
    this.#tickedAtMs = now;
    this.#budgetBytes += (elapsedMs / 1000) * this.#options.bytesPerSecond;
    const touched = new Set<Socket>();
    for (let next = this.#queue[0]; next && this.#budgetBytes >= next.packet.length; next = this.#queue[0]) {
      this.#queue.shift();
      this.#queuedBytes -= next.packet.length;
      this.#budgetBytes -= next.packet.length;
      deliver(next.flow, next.packet, touched);
      this.#admit();
    }
    for (const destination of touched) destination.uncork();
    this.#timer = this.#queue.length === 0 ? null : setTimeout(() => this.#tick(), TICK_MS);
  }
}

function takeFrom(flow: Flow, size: number): Buffer {
  const [head = Buffer.alloc(0)] = flow.waiting;
  if (head.length === size) flow.waiting.shift();
  else flow.waiting[0] = head.subarray(size);
  flow.waitingBytes -= size;
  flow.creditBytes -= size;
  if (flow.waitingBytes < SENDER_BYTES / 2) flow.source.resume();
  return head.subarray(0, size);
}

function deliver(flow: Flow, packet: Buffer, touched: Set<Socket>): void {
  const { destination } = flow;
  flow.pendingBytes -= packet.length;
  if (destination.destroyed) return;
  if (!touched.has(destination)) {
    touched.add(destination);
    destination.cork();
  }
  flow.deliveredBytes += packet.length;
  destination.write(packet);
  endWhenEmpty(flow);
}

/** The other side hears of the end after the last byte. */
function endWhenEmpty({ ended, pendingBytes, destination }: Flow): void {
  if (ended && pendingBytes === 0) destination.end();
}
