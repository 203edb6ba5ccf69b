import { z } from 'zod';
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

/** tus 1.0 with creation, checksum, expiration and termination: any tus client does this by itself. */
export const UPLOAD_OPERATIONS: readonly Operation[] = [
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
