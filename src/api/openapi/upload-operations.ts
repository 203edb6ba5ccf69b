import { z } from 'zod';
import { fallbackLevelSchema } from '../../domain/index.ts';
import { adviceQuerySchema } from '../routes/upload-advice-routes.ts';
import type { Operation } from './operation.ts';

const tusHeaders = z.object({ 'Tus-Resumable': z.literal('1.0.0') });
const params = z.object({
  uploadId: z.string().meta({ description: 'A secret capability: last segment of Location.' }),
});
const offset = z.object({ 'Upload-Offset': z.string().meta({ description: 'Bytes received so far.' }) });
const bytes = z.string().meta({ format: 'binary' });

const checksum = z.string().optional().meta({
  description: '`ALGORITHM base64(digest)` of this body; sha1, sha256 or md5.',
});

const MALFORMED = { 400: 'A tus header is missing or malformed.' };
const WRONG_VERSION = { 412: 'The server speaks tus 1.0.0 only.' };
const GONE = { 404: 'There is no such upload.', 410: 'The upload has expired.' };
const LOCKED = { 423: 'Another request for this upload is being served, or took over.' };
const WRONG_SUM = { 460: 'The checksum does not match; the bytes were discarded.' };
const NO_ROOM = { 507: 'There is no room for it on the disk; Retry-After says when to ask again.' };

const kbps = z.number().min(0);
const adviceSchema = z.object({
  chunkBytes: z.int().positive().meta({ description: 'Bytes of one PATCH.' }),
  parallel: z.int().positive().meta({ description: 'Files worth sending at once.' }),
  maxHeight: z.int().positive().meta({ description: 'Short side, in pixels, that this line carries.' }),
  maxBitrateKbps: z.int().positive(),
  basis: z.object({
    fallbackLevel: fallbackLevelSchema,
    uploads: z.int().min(0),
    uplinkKbps: z.object({ p10: kbps, p50: kbps, p90: kbps }),
    measuredKbps: kbps.nullable().meta({ description: 'Of this very upload; null without `uploadId`, or too early.' }),
  }),
});

/** tus 1.0 with creation, checksum, expiration and termination: any tus client does this by itself. */
export const UPLOAD_OPERATIONS: readonly Operation[] = [
  {
    id: 'adviseUpload',
    method: 'get',
    path: '/v1/uploads/advice',
    tag: 'uploads',
    summary: 'How to send a file from here, and what is worth sending.',
    description:
      'By what uploads from this region and device had, the region, everywhere, or an assumption (`cold`); and by what the upload itself has shown, when `uploadId` names one that has begun. Without hints, the request says where it comes from.',
    access: ['upload'],
    query: adviceQuerySchema,
    answers: {
      200: {
        description: 'May be kept for a minute, unless an upload was named: ask again as it goes on.',
        schema: adviceSchema,
      },
    },
    problems: { 400: 'A query parameter is not usable.' },
  },
  {
    id: 'createUpload',
    method: 'post',
    path: '/v1/uploads',
    tag: 'uploads',
    summary: 'Begins a resumable upload; the asset exists from then on.',
    description: 'tus 1.0. Metadata: `filename`, `owner`, `region`, `device`.',
    access: ['upload'],
    headers: tusHeaders.extend({
      'Upload-Length': z.string().meta({ description: 'Size of the file in bytes.' }),
      'Upload-Metadata': z.string().optional().meta({ description: 'Comma-separated `key base64(value)`.' }),
      'Upload-Checksum': checksum,
    }),
    answers: {
      201: {
        description: 'Send the bytes to Location.',
        headers: z.object({ Location: z.string(), 'NARA-Asset-Id': z.string() }),
      },
    },
    problems: { ...MALFORMED, ...WRONG_VERSION, 413: 'The file is larger than 64 GiB.', ...WRONG_SUM, ...NO_ROOM },
  },
  {
    id: 'readUploadOffset',
    method: 'head',
    path: '/v1/uploads/{uploadId}',
    tag: 'uploads',
    summary: 'How far an upload is, to resume it.',
    access: ['upload'],
    params,
    headers: tusHeaders,
    answers: { 200: { description: 'Go on from here.', headers: offset } },
    problems: { ...GONE, ...WRONG_VERSION, ...LOCKED },
  },
  {
    id: 'appendToUpload',
    method: 'patch',
    path: '/v1/uploads/{uploadId}',
    tag: 'uploads',
    summary: 'Sends the next bytes.',
    access: ['upload'],
    params,
    headers: tusHeaders.extend({
      'Upload-Offset': z.string(),
      'Upload-Checksum': checksum,
    }),
    body: { 'application/offset+octet-stream': bytes },
    answers: {
      204: { description: 'They are on disk.', headers: offset },
    },
    problems: {
      ...MALFORMED,
      ...GONE,
      ...WRONG_VERSION,
      ...LOCKED,
      409: 'The offset is not where the upload is.',
      413: 'More bytes than the upload has left.',
      415: 'Not application/offset+octet-stream.',
      ...WRONG_SUM,
      ...NO_ROOM,
    },
  },
  {
    id: 'abandonUpload',
    method: 'delete',
    path: '/v1/uploads/{uploadId}',
    tag: 'uploads',
    summary: 'Takes an unfinished upload back, and its asset with it.',
    access: ['upload'],
    params,
    headers: tusHeaders,
    answers: { 204: { description: 'It is gone.' } },
    problems: { ...GONE, ...WRONG_VERSION, ...LOCKED },
  },
];
