import { z } from 'zod';
import type { Operation } from './operation.ts';

const tusHeaders = z.object({ 'Tus-Resumable': z.literal('1.0.0') });
const params = z.object({
  uploadId: z.string().meta({ description: 'A secret capability: last segment of Location.' }),
});
const offset = z.object({ 'Upload-Offset': z.string().meta({ description: 'Bytes received so far.' }) });
const bytes = z.string().meta({ format: 'binary' });

// The tus server refuses in its own words; only refusals of keys are problems.
const refusal = (description: string) => ({ description, schema: z.string(), type: 'text/plain' });
const WRONG_VERSION = { 412: refusal('The server speaks tus 1.0.0 only.') };
const GONE = { 404: refusal('There is no such upload.'), 410: refusal('The upload has expired.') };

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
    }),
    answers: {
      201: {
        description: 'Send the bytes to Location.',
        headers: z.object({ Location: z.string(), 'NARA-Asset-Id': z.string() }),
      },
      ...WRONG_VERSION,
      413: refusal('The file is larger than 64 GiB.'),
    },
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
    answers: { 200: { description: 'Go on from here.', headers: offset }, ...GONE, ...WRONG_VERSION },
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
      'Upload-Checksum': z.string().optional().meta({ description: '`algorithm base64(digest)` of this body.' }),
    }),
    body: { 'application/offset+octet-stream': bytes },
    answers: {
      204: { description: 'They are on disk.', headers: offset },
      ...GONE,
      ...WRONG_VERSION,
      409: refusal('The offset is not where the upload is.'),
      415: refusal('Not application/offset+octet-stream.'),
      460: refusal('The checksum does not match.'),
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
    answers: { 204: { description: 'It is gone.' }, ...GONE, ...WRONG_VERSION },
  },
];
