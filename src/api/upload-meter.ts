import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { UNKNOWN_CONTEXT } from '../domain/index.ts';
import { readUploadAbout, type UploadAbout } from './uploads/describe-upload.ts';
import { Receiving } from './uploads/receiving.ts';
import { endReport, progressReport, type UploadMoment, type UploadReport } from './uploads/upload-events.ts';
import {
  addReceived,
  lineTimeMs,
  readFigures,
  removeFigures,
  type UploadFigures,
  writeFigures,
} from './uploads/upload-figures.ts';
import { contextOf, type Uploader } from './uploads/uploader.ts';

/*
 * Lifecycle: begin() at each request that brings bytes → while they come, figures are kept beside the upload every few
 * seconds, so that a killed process loses no more than that → one report per chunk → measure() when all is there → end().
 * settle() waits for what is being written. Nothing that receives bytes waits for any of it.
 */

/** What one upload's requests added up to. */
export type UploadMeasure = { bytes: number; elapsedMs: number; resumes: number };

type Measured = {
  about: UploadAbout;
  figures: UploadFigures;
  /** Bodies that are still arriving: one, unless the uploader came back before we knew that it had left. */
  open: Set<Receiving>;
  saving: Promise<void>;
  saveWaits: boolean;
  savedAtMs: number;
};

export type UploadMeterOptions = {
  /** Where uploads are. */
  directory: string;
  /** Tells telemetry; must neither wait nor throw. */
  report(report: UploadReport): void;
  /** The wall clock. */
  nowMs(): number;
  /** A clock that never jumps. */
  monotonicMs?(): number;
};

const MAX_UPLOADS = 10_000;
const SAVE_EVERY_MS = 5_000;
const NOTHING: UploadFigures = {
  chunks: 0,
  bytes: 0,
  elapsedMs: 0,
  resumes: 0,
  stallCount: 0,
  stalledMs: 0,
  heldMs: 0,
  isCutOff: false,
  context: UNKNOWN_CONTEXT,
  block: '',
};

/** The uploader's own line, measured where the bytes arrive: only time spent receiving counts, pauses and stalls do not. */
export class UploadMeter {
  readonly #options: Required<UploadMeterOptions>;
  readonly #uploads = new LRUCache<string, Promise<Measured | null>>({ max: MAX_UPLOADS });

  constructor(options: UploadMeterOptions) {
    this.#options = { monotonicMs: () => performance.now(), ...options };
  }

  /** Watches a body that may bring bytes of an upload. `about` is what is not written beside the upload yet. */
  begin(
    body: Readable,
    { uploadId, uploader, about }: { uploadId: string; uploader: Uploader; about?: UploadAbout },
  ): void {
    let upload: Measured | null = null;
    const found = this.#find(uploadId, about);
    const receiving = new Receiving(
      body,
      {
        onBytes: () => upload !== null && this.#saveSometimes(uploadId, upload),
        onEnd: () => void found.then((measured) => measured !== null && this.#close(uploadId, measured, receiving)),
      },
      this.#options.monotonicMs,
    );
    void found.then((measured) => {
      upload = measured;
      if (measured === null) return;
      const { figures, open } = measured;
      if (figures.isCutOff || open.size > 0) figures.resumes += 1;
      figures.isCutOff = false;
      figures.context = contextOf(uploader, measured.about.stated);
      figures.block = uploader.block;
      open.add(receiving);
    });
  }

  /** The service made the uploader of a body that is being watched wait. */
  held(uploadId: string, heldMs: number): void {
    void this.#uploads.get(uploadId)?.then((upload) => {
      if (upload !== null) upload.figures.heldMs += heldMs;
    });
  }

  /** The uploader asked how far it was: it had lost its place. */
  async lostItsPlace(uploadId: string): Promise<void> {
    const upload = await this.#find(uploadId);
    if (upload !== null && upload.figures.chunks > 0) upload.figures.isCutOff = true;
  }

  /** The measure of an upload whose last byte is there. `size` is what is known when nothing was measured here. */
  async measure(uploadId: string, size: number): Promise<UploadMeasure> {
    const upload = await this.#find(uploadId);
    for (const receiving of upload?.open ?? []) {
      receiving.close();
      if (upload !== null) this.#close(uploadId, upload, receiving);
    }
    if (upload === null || upload.figures.chunks === 0) return { bytes: size, elapsedMs: 0, resumes: 0 };
    const { bytes, resumes } = upload.figures;
    return { bytes, elapsedMs: lineTimeMs(upload.figures), resumes };
  }

  /** What an upload showed until now, the chunk that is arriving too; null before its first byte. Nothing changes by asking. */
  async soFar(uploadId: string): Promise<UploadMeasure | null> {
    const upload = await this.#find(uploadId);
    if (upload === null) return null;
    const figures = figuresIfCutOffNow(upload);
    if (figures.chunks === 0) return null;
    return { bytes: figures.bytes, elapsedMs: lineTimeMs(figures), resumes: upload.figures.resumes };
  }

  /** Reports that an upload is over and forgets it; of a whole one that was never measured here there is nothing to report. */
  async end(uploadId: string, how: 'whole' | 'abandoned', about?: UploadAbout): Promise<void> {
    const upload = await this.#find(uploadId, about);
    this.#uploads.delete(uploadId);
    if (upload === null) return;
    for (const receiving of upload.open) receiving.close();
    if (upload.figures.chunks === 0) upload.figures.context = upload.about.stated;
    if (upload.figures.chunks > 0 || how === 'abandoned') {
      this.#options.report(endReport(upload.figures, this.#moment(uploadId, upload), how === 'abandoned'));
    }
    await upload.saving;
    await removeFigures(this.#options.directory, uploadId);
  }

  /** Resolves when nothing is being written any more. */
  async settle(): Promise<void> {
    for (const upload of this.#uploads.values()) await (await upload)?.saving;
  }

  #find(uploadId: string, about?: UploadAbout): Promise<Measured | null> {
    const known = this.#uploads.get(uploadId);
    if (known !== undefined) return known;
    const found = this.#read(uploadId, about);
    this.#uploads.set(uploadId, found);
    return found;
  }

  async #read(uploadId: string, told: UploadAbout | undefined): Promise<Measured | null> {
    const { directory, monotonicMs } = this.#options;
    const about = told ?? (await readUploadAbout(directory, uploadId));
    if (about === null) {
      this.#uploads.delete(uploadId);
      return null;
    }
    const figures = (await readFigures(directory, uploadId)) ?? { ...NOTHING };
    return { about, figures, open: new Set(), saving: Promise.resolve(), saveWaits: false, savedAtMs: monotonicMs() };
  }

  #close(uploadId: string, upload: Measured, receiving: Receiving): void {
    if (!upload.open.delete(receiving)) return;
    if (!receiving.isWhole) upload.figures.isCutOff = true;
    const { received } = receiving;
    if (received.bytes === 0) return;
    upload.figures = { ...addReceived(upload.figures, received), chunks: upload.figures.chunks + 1 };
    const report = progressReport(upload.figures, this.#moment(uploadId, upload));
    // Kept before it is told: after a crash in between the next chunk must not have this one's event id.
    void this.#save(uploadId, upload).then(() => this.#options.report(report));
  }

  #saveSometimes(uploadId: string, upload: Measured): void {
    if (this.#options.monotonicMs() - upload.savedAtMs >= SAVE_EVERY_MS) void this.#save(uploadId, upload);
  }

  /** Keeps the latest figures; those that come while a write is under way share the next. Never rejects: it is a copy. */
  #save(uploadId: string, upload: Measured): Promise<void> {
    upload.savedAtMs = this.#options.monotonicMs();
    if (upload.saveWaits) return upload.saving;
    upload.saveWaits = true;
    upload.saving = upload.saving.then(() => {
      upload.saveWaits = false;
      return writeFigures(this.#options.directory, uploadId, figuresIfCutOffNow(upload)).catch(() => {});
    });
    return upload.saving;
  }

  #moment(uploadId: string, { about }: Measured): UploadMoment {
    return { uploadId, assetId: about.assetId, atMs: this.#options.nowMs() };
  }
}

/** What a later process should go on from, were this one killed now. */
function figuresIfCutOffNow({ figures, open }: Measured): UploadFigures {
  const arriving = [...open].map(({ received }) => received).filter(({ bytes }) => bytes > 0);
  if (arriving.length === 0) return figures;
  const sum = arriving.reduce(addReceived, figures);
  return { ...sum, chunks: sum.chunks + arriving.length, isCutOff: true };
}
