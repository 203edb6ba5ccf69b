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

/** The way in for a body of `uploader`, whose upload says of itself what is in `metadata`. */
export function openIntake(ports: Ports, uploader: Uploader, metadata: Record<string, string | null>): Intake {
  const { pacer, requireRoom, receivedBytes, onHeld } = ports;
  const party = partyOf(uploader, describeUpload(metadata).owner);
  let writtenBytes = 0;
  let mostBufferedBytes = 0;
  return {
    admit: requireRoom,
    async took(bytes) {
      if (pacer === null) return;
      const sinceMs = pacer.monotonicMs();
      // What waits in buffers on its way to the disk, some 300 KiB, has crossed the line already: five senders who begin at
      // once would have the whole line for seconds if it were free. It is paid for once, and every piece as it makes room for
      // another: pieces that cost nothing would all go at once, and everybody's next bytes after them.
      writtenBytes += bytes;
      const bufferedBytes = receivedBytes() - writtenBytes;
      const moreBytes = Math.max(0, bufferedBytes - mostBufferedBytes);
      mostBufferedBytes += moreBytes;
      await pacer.pay(party, bytes + moreBytes);
      onHeld(pacer.monotonicMs() - sinceMs);
    },
  };
}
