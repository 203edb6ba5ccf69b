import type { Logger } from 'pino';
import type { Ffmpeg } from './ffmpeg.ts';
import type { MediaStore } from './media-store.ts';
import type { JobSource } from './plan/job-source.ts';

/** What every shell that encodes or measures needs. `workRoot` is local scratch space, best on the store's file system. */
export type MediaRoom = { store: MediaStore; ffmpeg: Ffmpeg; workRoot: string; log: Logger };

/** One asset's source, probed and ready to be read. */
export type EncodeSource = { assetId: string; uploadKey: string; input: JobSource };
