import { createHash } from 'node:crypto';
import type { Context, TelemetryEvent } from '../../domain/index.ts';
import { lineTimeMs, type UploadFigures } from './upload-figures.ts';

/** An event about an upload, with where its uploader is. */
export type UploadReport = { event: TelemetryEvent; context: Context; block: string };

/** Which upload, and when. */
export type UploadMoment = { uploadId: string; assetId: string; atMs: number };

/** An upload's session in telemetry. The upload id is a secret capability: nobody can get from here to there. */
export function uploadSessionId(uploadId: string): string {
  return `upload-${createHash('sha256').update(`nara upload session\n${uploadId}`).digest('base64url').slice(0, 22)}`;
}

/** A chunk has arrived. Cumulative, so any report subsumes the ones before it. */
export function progressReport(figures: UploadFigures, moment: UploadMoment): UploadReport {
  const { bytes, context, block } = figures;
  const elapsedMs = lineTimeMs(figures);
  const event = { type: 'upload_progress', ...baseOf(`chunk-${figures.chunks}`, moment), bytes, elapsedMs } as const;
  return { event, context, block };
}

/** The upload is over: whole, or `abandoned`. */
export function endReport(figures: UploadFigures, moment: UploadMoment, abandoned: boolean): UploadReport {
  const { bytes, resumes, stallCount, context, block } = figures;
  const times = { elapsedMs: lineTimeMs(figures), stalledMs: Math.round(figures.stalledMs) };
  const measured = { bytes, ...times, resumes, stallCount };
  return { event: { type: 'upload_end', ...baseOf('end', moment), ...measured, abandoned }, context, block };
}

const baseOf = (eventId: string, { uploadId, assetId, atMs }: UploadMoment) => ({
  eventId,
  sessionId: uploadSessionId(uploadId),
  assetId,
  ts: new Date(atMs).toISOString(),
});
