import { ERRORS, HEADERS, TUS_RESUMABLE } from '@tus/server';
import type { RequestHandler } from 'express';
import { Problem } from '../problem.ts';
import { CHECKSUM_ALGORITHMS } from './stated-checksum.ts';

/** Answer headers a script of another origin may read, beyond those the tus server names itself. */
export const EXPOSED_HEADERS = ['NARA-Asset-Id', 'Retry-After', 'Tus-Checksum-Algorithm', 'Upload-Expires'];

const CHUNK_TYPE = 'application/offset+octet-stream';

/** What every answer below `/v1/uploads` carries, refusals included: an uploader in a browser sees why it was refused. */
export const answerAsTus: RequestHandler = (request, response, next) => {
  response.setHeader('Tus-Resumable', TUS_RESUMABLE);
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Expose-Headers', [...HEADERS, ...EXPOSED_HEADERS].join(', '));
  if (request.method === 'OPTIONS') response.setHeader('Tus-Checksum-Algorithm', CHECKSUM_ALGORITHMS.join(','));
  next();
};

/** Refuses another version of tus and a chunk that does not say it is one. */
export const requireTus: RequestHandler = (request, response, next) => {
  if (request.headers['tus-resumable'] !== TUS_RESUMABLE) {
    response.setHeader('Tus-Version', TUS_RESUMABLE);
    throw new Problem(412, 'upload.version', `This needs Tus-Resumable: ${TUS_RESUMABLE}.`);
  }
  if (request.method === 'PATCH' && request.headers['content-type'] !== CHUNK_TYPE) {
    const received = request.headers['content-type'] ?? 'none';
    throw new Problem(415, 'upload.content-type', `Content-Type: expected ${CHUNK_TYPE} (got ${received}).`);
  }
  next();
};

export type TusRefusal = { status_code: number; body: string };

const PROBLEMS = new Map<unknown, [status: number, code: string]>([
  [ERRORS.MISSING_OFFSET, [400, 'upload.invalid']],
  [ERRORS.ABORTED, [423, 'upload.locked']],
  [ERRORS.ERR_LOCK_TIMEOUT, [423, 'upload.locked']],
]);

const CODES: Record<number, string> = {
  404: 'upload.unknown',
  409: 'upload.offset',
  410: 'upload.expired',
  413: 'upload.too-large',
  501: 'upload.unsupported',
};

/** A refusal of the tus server in the words of this API; what is its fault stays an error with its cause. */
export function toRefusal(error: Error | TusRefusal): Error {
  if (error instanceof Problem || !('status_code' in error)) return error as Error;
  const { status_code: stated, body } = error;
  const [status, code] = PROBLEMS.get(error) ?? [stated, CODES[stated] ?? 'upload.invalid'];
  if (status === 500) return new Error(`tus: ${body.trim()}`, { cause: error });
  return new Problem(status, code, body.trim());
}
