import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { contextSchema } from '../../domain/index.ts';
import type { Received } from './receiving.ts';

/** What an upload's requests added up to so far: bytes that were received twice count twice. */
const figuresSchema = z.object({
  /** Requests that brought bytes. */
  chunks: z.int().min(0),
  bytes: z.int().min(0),
  elapsedMs: z.number().min(0),
  /** Times the uploader came back after a request was cut off, or after asking how far it was. */
  resumes: z.int().min(0),
  stallCount: z.int().min(0),
  stalledMs: z.number().min(0),
  /** Of the time spent receiving, what the service itself made the sender wait. */
  heldMs: z.number().min(0).default(0),
  /** The next request is a resume. */
  isCutOff: z.boolean(),
  /** Whoever sent the last chunk: where it was, and the keyed hash of its address block. */
  context: contextSchema,
  block: z.string(),
});
export type UploadFigures = z.infer<typeof figuresSchema>;

/** Held up for longer than this share of the time, bytes tell of the service's pace and not of the sender's line. */
const HELD_AT_MOST = 0.1;

/** Time spent receiving, in which the bytes show how fast the sender's line is; 0 when the service was what was slow. */
export function lineTimeMs({ elapsedMs, heldMs }: Pick<UploadFigures, 'elapsedMs' | 'heldMs'>): number {
  return heldMs > HELD_AT_MOST * elapsedMs ? 0 : Math.round(elapsedMs);
}

/** Where the figures of the upload at `path` are kept. */
export const figuresPathOf = (path: string): string => `${path}.figures`;

/** Figures with one more body in them. */
export function addReceived(
  figures: UploadFigures,
  { bytes, elapsedMs, stallCount, stalledMs }: Received,
): UploadFigures {
  return {
    ...figures,
    bytes: figures.bytes + bytes,
    elapsedMs: figures.elapsedMs + elapsedMs,
    stallCount: figures.stallCount + stallCount,
    stalledMs: figures.stalledMs + stalledMs,
  };
}

/** Figures that an earlier process kept; null when there are none that can be read. */
export async function readFigures(directory: string, uploadId: string): Promise<UploadFigures | null> {
  try {
    return figuresSchema.parse(JSON.parse(await readFile(figuresPathOf(join(directory, uploadId)), 'utf8')));
  } catch {
    return null;
  }
}

/** Keeps the figures beside an upload, for as long as the upload is there. */
export async function writeFigures(directory: string, uploadId: string, figures: UploadFigures): Promise<void> {
  const upload = join(directory, uploadId);
  const path = figuresPathOf(upload);
  await writeFile(`${path}.tmp`, JSON.stringify(figures));
  await rename(`${path}.tmp`, path);
  // The upload may have been removed meanwhile, and nobody would ever look for its figures again.
  await stat(`${upload}.json`).catch(() => rm(path, { force: true }));
}

/** Removes what `writeFigures` keeps. */
export async function removeFigures(directory: string, uploadId: string): Promise<void> {
  await rm(figuresPathOf(join(directory, uploadId)), { force: true });
}
