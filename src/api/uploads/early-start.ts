import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { findHeader, HEADER_LOOK_BYTES } from '../../media/plan/header-first.ts';
import { type Arrival, isWhole, readArrival, readArrived } from '../../media/upload-arrival.ts';
import { readUploadAbout } from './describe-upload.ts';

/*
 * Lifecycle: begin() at each request that brings bytes of an upload → while it lasts, every LOOK_EVERY_MS a look at what there is
 * → once it shows that the file can be decoded from its beginning, and that there is time, start() is called, once. What is
 * known is forgotten when the uploader was away for so long that whoever had started has given up.
 */

const LOOK_EVERY_MS = 300;
/** Long enough to tell how fast bytes come. */
const OBSERVE_MS = 1_000;
/** Less than this to go, and the ordinary way is as fast. */
const WORTH_MS = 2_000;
const FORGOTTEN_AFTER_MS = 25_000;
const MAX_UPLOADS = 10_000;

type Options = {
  /** Where uploads are. */
  directory: string;
  /** The upload of this asset can be encoded from now on; may reject, then the last byte is waited for. */
  start(assetId: string): Promise<void>;
  /** A clock that never jumps. */
  monotonicMs?(): number;
};

type Watched = {
  firstBytes: number | null;
  sinceMs: number;
  lookedAtMs: number;
  activeAtMs: number;
  /** How much of the file must be here before any of it can be decoded; null while that is not known. */
  headerBytes: number | null;
  isDecided: boolean;
};

/** Finds uploads that can be encoded before their end is here. Nothing that receives bytes waits for it. */
export class EarlyStart {
  readonly #options: Required<Options>;
  readonly #uploads = new LRUCache<string, Watched>({ max: MAX_UPLOADS });

  constructor(options: Options) {
    this.#options = { monotonicMs: () => performance.now(), ...options };
  }

  /** Watches an upload for as long as this request is open. */
  begin(request: { once(event: 'close', closed: () => void): unknown }, uploadId: string): void {
    const upload = this.#watched(uploadId);
    if (upload.isDecided) {
      request.once('close', () => this.#touch(upload));
      return;
    }
    const look = (): void => {
      this.#touch(upload);
      void this.#look(uploadId, upload);
    };
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    request.once('close', () => {
      clearInterval(timer);
      this.#touch(upload);
    });
  }

  #watched(uploadId: string): Watched {
    const nowMs = this.#options.monotonicMs();
    const known = this.#uploads.get(uploadId);
    if (known !== undefined && nowMs - known.activeAtMs < FORGOTTEN_AFTER_MS) return known;
    const fresh = {
      firstBytes: null,
      sinceMs: nowMs,
      lookedAtMs: Number.NEGATIVE_INFINITY,
      activeAtMs: nowMs,
      headerBytes: null,
      isDecided: false,
    };
    this.#uploads.set(uploadId, fresh);
    return fresh;
  }

  #touch(upload: Watched): void {
    upload.activeAtMs = this.#options.monotonicMs();
  }

  async #look(uploadId: string, upload: Watched): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    if (upload.isDecided || nowMs - upload.lookedAtMs < LOOK_EVERY_MS * 0.9) return;
    upload.lookedAtMs = nowMs;
    try {
      const path = join(this.#options.directory, uploadId);
      const arrival = await readArrival(path);
      if (arrival === null) return;
      upload.firstBytes ??= arrival.verifiedBytes;
      const elapsedMs = nowMs - upload.sinceMs;
      if (!isWorthwhile(arrival, upload.firstBytes, elapsedMs)) return;
      if (upload.headerBytes === null) {
        const header = findHeader(await readArrived(path, HEADER_LOOK_BYTES));
        if (header.kind === 'header-last') upload.isDecided = true;
        if (header.kind === 'header-first') upload.headerBytes = header.headerBytes;
      }
      if (upload.headerBytes === null || arrival.verifiedBytes < upload.headerBytes || upload.isDecided) return;
      upload.isDecided = true;
      const about = await readUploadAbout(this.#options.directory, uploadId);
      if (about !== null) await this.#options.start(about.assetId);
    } catch {
      // It is only ever a head start.
    }
  }
}

/** Whether enough of the transfer is still to come, at the pace observed so far. */
export function isWorthwhile(arrival: Arrival, firstBytes: number, elapsedMs: number): boolean {
  if (isWhole(arrival) || elapsedMs < OBSERVE_MS) return false;
  if (arrival.declaredBytes === null) return true;
  const bytesPerMs = (arrival.verifiedBytes - firstBytes) / elapsedMs;
  return arrival.declaredBytes - arrival.verifiedBytes >= bytesPerMs * WORTH_MS;
}
