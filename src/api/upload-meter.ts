import type { Request, Response } from 'express';
import { LRUCache } from 'lru-cache';

/** What one upload's requests added up to. */
export type UploadMeasure = { bytes: number; elapsedMs: number; resumes: number };

type Running = { bytes: number; elapsedMs: number; requests: number; active: Receiving | null };
type Receiving = { socket: Request['socket']; startedAtMs: number; bytesReadBefore: number };

const MAX_UPLOADS = 10_000;

/** The uploader's own line, measured where the bytes arrive: only time spent receiving counts, pauses do not. */
export class UploadMeter {
  readonly #uploads = new LRUCache<string, Running>({ max: MAX_UPLOADS });

  /** Watches the body of a PATCH, by what its socket has read when it begins and when it ends. */
  observe(request: Request, response: Response): void {
    if (request.method !== 'PATCH') return;
    const uploadId = request.path.split('/').at(-1) ?? '';
    const upload = this.#uploads.get(uploadId) ?? { bytes: 0, elapsedMs: 0, requests: 0, active: null };
    const receiving = {
      socket: request.socket,
      startedAtMs: performance.now(),
      bytesReadBefore: request.socket.bytesRead,
    };
    upload.active = receiving;
    upload.requests += 1;
    this.#uploads.set(uploadId, upload);
    response.once('close', () => end(upload, receiving));
  }

  /** The measure of a finished upload, which is then forgotten. `size` is what is known when nothing was measured here. */
  take(uploadId: string, size: number): UploadMeasure {
    const upload = this.#uploads.get(uploadId);
    this.#uploads.delete(uploadId);
    if (upload === undefined) return { bytes: size, elapsedMs: 0, resumes: 0 };
    if (upload.active !== null) end(upload, upload.active);
    return { bytes: upload.bytes, elapsedMs: Math.round(upload.elapsedMs), resumes: Math.max(0, upload.requests - 1) };
  }
}

function end(upload: Running, receiving: Receiving): void {
  if (upload.active !== receiving) return;
  upload.bytes += receiving.socket.bytesRead - receiving.bytesReadBefore;
  upload.elapsedMs += performance.now() - receiving.startedAtMs;
  upload.active = null;
}
