import { describeUpload } from './describe-upload.ts';
import { partyOf, type Uploader } from './uploader.ts';

/** Divides the line between uploaders. */
export type Pacer = {
  /** Bytes of a party were read; resolves when it may read on. */
  pay(party: string, bytes: number): Promise<void>;
  /** A clock that never jumps. */
  monotonicMs(): number;
};

/** What one body passes on its way to the disk. */
export type Intake = {
  /** Throws 507 when the next piece must not be written. */
  admit(): Promise<void>;
  /** A piece was written; resolves when the next may be read. What is not read slows the sender down. */
  took(bytes: number): Promise<void>;
};

type Ports = {
  requireRoom(): Promise<void>;
  /** Null: they take what they get. */
  pacer: Pacer | null;
  /** What has come over the connection since the body began. */
  receivedBytes(): number;
  onHeld(heldMs: number): void;
};

/** What a sender sends of a new upload before any of it is asked for: the reader's buffer and the first receive window. */
const READER_BYTES = 128 * 1024;
const FIRST_WINDOW_BYTES = 64 * 1024;
/** By how much kernels widen that window while somebody reads. */
const WINDOW_GROWTH_BYTES = 192 * 1024;

/**
 * Resolves when a new upload may begin. Its first bytes come at the speed of the line, whatever is read of them: senders who
 * begin at the same moment would fill the line's queue together, and one after the other they do not.
 */
export async function payForBuffers(pacer: Pacer | null, uploader: Uploader, owner: string): Promise<void> {
  await pacer?.pay(partyOf(uploader, owner), READER_BYTES + FIRST_WINDOW_BYTES);
}

/** The way in for a body of `upload`, which says of itself what is in `metadata`. */
export function openIntake(
  ports: Ports,
  uploader: Uploader,
  upload: { metadata: Record<string, string | null>; offset: number },
): Intake {
  const { pacer, requireRoom, receivedBytes, onHeld } = ports;
  const party = partyOf(uploader, describeUpload(upload.metadata).owner);
  const isNew = upload.offset === 0;
  let writtenBytes = 0;
  let mostBufferedBytes = isNew ? READER_BYTES : 0;
  let windowGrowthBytes = isNew ? WINDOW_GROWTH_BYTES : 0;
  return {
    admit: requireRoom,
    async took(bytes) {
      if (pacer === null) return;
      const sinceMs = pacer.monotonicMs();
      // What waits in buffers has crossed the line already, and is paid for once, as they fill: those on the way to the disk as
      // they are seen to, the kernel's with the first piece, so that one upload after the other gets going. Every piece is paid
      // for as it makes room for another.
      writtenBytes += bytes;
      const bufferedBytes = receivedBytes() - writtenBytes;
      const moreBytes = Math.max(0, bufferedBytes - mostBufferedBytes);
      const unpaidBytes = bytes + moreBytes + windowGrowthBytes;
      mostBufferedBytes += moreBytes;
      windowGrowthBytes = 0;
      await pacer.pay(party, unpaidBytes);
      onHeld(pacer.monotonicMs() - sinceMs);
    },
  };
}
