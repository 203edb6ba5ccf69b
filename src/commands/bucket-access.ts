import { dirname } from 'node:path';
import type { Config } from '../config.ts';
import type { BucketAccess } from '../media/open-media-store.ts';

/** How this process gets at a bucket, should the media store be one. */
export const bucketAccess = ({ s3, uploadsDirectory }: Config): BucketAccess => ({
  ...s3,
  landingDirectory: dirname(uploadsDirectory),
});
