import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { problemHandler } from '../../../src/api/problem.ts';
import { uploadRoutes } from '../../../src/api/routes/upload-routes.ts';
import { UploadMeter } from '../../../src/api/upload-meter.ts';
import { EarlyStart } from '../../../src/api/uploads/early-start.ts';
import { composeAssets } from '../../../src/commands/compose-assets.ts';
import { AssetCatalog } from '../../../src/delivery/asset-catalog.ts';
import { UNKNOWN_CONTEXT } from '../../../src/domain/index.ts';
import type { JobProducer } from '../../../src/workers/job-producer.ts';
import { silent } from '../media/clips.ts';
import type { Platform } from './platform.ts';

const TUS = { 'tus-resumable': '1.0.0' };
const CHUNK = { ...TUS, 'content-type': 'application/offset+octet-stream' };

/** The receiving half of the API over a platform's store: what arrives there is what its workers see. */
export async function receiveUploads(platform: Platform, producer: JobProducer) {
  const { assets, store } = platform;
  const directory = join(platform.root, 'store', 'uploads');
  const meter = new UploadMeter({ directory, report: () => undefined, nowMs: () => Date.now() });
  const announced: string[] = [];
  const early = new EarlyStart({
    directory,
    async start(assetId) {
      announced.push(assetId);
      const asset = await assets.read(assetId);
      if (asset) await producer.enqueueEarly(asset);
    },
  });
  const { forUploads } = composeAssets({
    assets,
    catalog: new AssetCatalog((assetId) => assets.read(assetId)),
    announce: () => undefined,
    enqueue: (asset) => producer.enqueueFastLane(asset),
    onUploadFinished: () => undefined,
    onUploadAbandoned: () => undefined,
    onRetried: () => undefined,
    endUpload: async () => undefined,
    uploadsDirectory: directory,
    store: { land: async () => undefined, release: async () => undefined, remove: (key) => store.remove(key) },
    clock: { nowMs: () => Date.now() },
  });
  const app = express();
  app.set('query parser', 'simple');
  app.use(
    uploadRoutes({
      ...forUploads,
      directory,
      checkKey: () => ({ keyId: 'k', scopes: ['upload'], origins: [] }),
      meter: {
        begin(body, upload) {
          meter.begin(body, upload);
          early.begin(body, upload.uploadId);
        },
        held: () => undefined,
        lostItsPlace: (id) => meter.lostItsPlace(id),
        measure: (id, size) => meter.measure(id, size),
        end: (id, how, about) => meter.end(id, how, about),
      },
      pacer: null,
      budget: { promise: async () => undefined, requireRoom: async () => undefined, settle: () => undefined },
      observe: () => ({ context: UNKNOWN_CONTEXT, block: 'block' }),
    }),
  );
  app.use(problemHandler(silent));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const send = (method: string, path: string, headers: Record<string, string>, more: object = {}) =>
    fetch(new URL(path, url), { method, headers: { ...headers, authorization: 'Bearer any' }, ...more });

  return {
    announced,
    /** Begins an upload of so many bytes. */
    async create(bytes: number): Promise<{ assetId: string; location: string }> {
      const { headers } = await send('POST', '/v1/uploads', { ...TUS, 'upload-length': String(bytes) });
      return { assetId: headers.get('nara-asset-id') ?? '', location: headers.get('location') ?? '' };
    },
    /** Sends bytes and then nothing, with the request open, until `cut`. */
    hold(location: string, bytes: Uint8Array): { cut(): Promise<void> } {
      const cutting = new AbortController();
      const body = new ReadableStream({ start: (controller) => controller.enqueue(bytes) });
      const headers = { ...CHUNK, 'upload-offset': '0' };
      const sent = send('PATCH', location, headers, { body, duplex: 'half', signal: cutting.signal });
      const ended = sent.then(
        () => undefined,
        () => undefined,
      );
      return {
        async cut() {
          cutting.abort();
          await ended;
        },
      };
    },
    /** Asks how far it is and sends the rest; answers the status. */
    async resume(location: string, file: Uint8Array<ArrayBuffer>, more: Record<string, string> = {}): Promise<number> {
      const offset = (await send('HEAD', location, TUS)).headers.get('upload-offset') ?? '';
      const body = file.subarray(Number(offset));
      return (await send('PATCH', location, { ...CHUNK, ...more, 'upload-offset': offset }, { body })).status;
    },
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await meter.settle();
    },
  };
}
