import { readFile } from 'node:fs/promises';
import type { Direction, Flow } from './direction.ts';

// On a real line a receiver that reads slowly slows its sender down, for unread bytes fill a window of 64 KiB, which Linux
// widens to twice what was read in a round trip. On loopback the kernel would take megabytes first, all of which would have
// crossed the narrow line. So the window is made here: the kernel says how much the receiver has not read yet, and the rest is
// granted to the sender, evenly, as acknowledgements would come.

/** What a sender may send before it has heard anything: ten packets and a little. */
export const FIRST_BYTES = 16 * 1024;
const LEAST_WINDOW_BYTES = 64 * 1024;
const MOST_WINDOW_BYTES = 256 * 1024;
const POLL_MS = 100;
const GRANTS_PER_POLL = 20;
/** A flow that delivered less since the last look is no upload, and cannot outrun its window. */
const BULK_BYTES = 16 * 1024;

type Watched = { flow: Flow; readBytes: number; seenBytes: number; shareBytes: number; dueBytes: number };

/** Keeps every flow of a direction within its receiver's window. */
export class ReceiveWindows {
  readonly #direction: Direction;
  readonly #flows = new Set<Watched>();

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  watch(flow: Flow): void {
    const watched = { flow, readBytes: 0, seenBytes: 0, shareBytes: 0, dueBytes: 0 };
    this.#flows.add(watched);
    flow.source.once('close', () => this.#flows.delete(watched));
  }

  start(): void {
    setInterval(() => void this.#look(), POLL_MS);
    setInterval(() => this.#grant(), POLL_MS / GRANTS_PER_POLL);
  }

  /** The list of all sockets is long to make: it is read only while someone uploads. */
  async #look(): Promise<void> {
    const isBulk = ({ flow, seenBytes }: Watched): boolean =>
      flow.deliveredBytes - seenBytes >= BULK_BYTES || flow.waitingBytes > flow.creditBytes;
    if (![...this.#flows].some(isBulk)) return;
    const unread = await readUnreadBytes();
    for (const watched of this.#flows) {
      const { flow } = watched;
      const unreadBytes = (unread?.get(flow.destination.localPort ?? 0) ?? 0) + flow.destination.writableLength;
      const onTheLine = flow.pendingBytes - flow.waitingBytes;
      const readBytes = flow.deliveredBytes - unreadBytes;
      const windowBytes = Math.max(
        LEAST_WINDOW_BYTES,
        Math.min(MOST_WINDOW_BYTES, 2 * (readBytes - watched.readBytes)),
      );
      watched.readBytes = readBytes;
      watched.seenBytes = flow.deliveredBytes;
      watched.dueBytes = Math.max(0, windowBytes - unreadBytes - onTheLine - flow.creditBytes);
      watched.shareBytes = Math.ceil(watched.dueBytes / GRANTS_PER_POLL);
    }
  }

  #grant(): void {
    let granted = false;
    for (const watched of this.#flows) {
      const bytes = Math.min(watched.shareBytes, watched.dueBytes);
      if (bytes === 0) continue;
      watched.dueBytes -= bytes;
      watched.flow.creditBytes += bytes;
      granted = true;
    }
    if (granted) this.#direction.granted();
  }
}

/** Bytes that the line has delivered and nobody has read, by the line's own port; null where the kernel does not say. */
async function readUnreadBytes(): Promise<Map<number, number> | null> {
  const table = await readFile('/proc/net/tcp', 'latin1').catch(() => null);
  if (table === null) return null;
  const unread = new Map<number, number>();
  const add = (port: string, bytes: string): void => {
    const key = Number.parseInt(port, 16);
    unread.set(key, (unread.get(key) ?? 0) + Number.parseInt(bytes, 16));
  };
  // Not acknowledged yet at the sending socket, not read yet at the receiving one.
  for (const [, local = '', remote = '', sent = '', received = ''] of table.matchAll(SOCKET)) {
    add(local, sent);
    add(remote, received);
  }
  return unread;
}

const SOCKET = /: [0-9A-F]{8}:([0-9A-F]{4}) [0-9A-F]{8}:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):([0-9A-F]{8})/g;
