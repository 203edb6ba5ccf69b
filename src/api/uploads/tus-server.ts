import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { Server, type Upload } from '@tus/server';
import type { Request, RequestHandler, Response } from 'express';
import type { AssetDocument, Context } from '../../domain/index.ts';
import type { UploadMeasure, UploadMeter } from '../upload-meter.ts';
import { ASSET_KEY, describeUpload } from './describe-upload.ts';
import type { DiskBudget } from './disk-budget.ts';
import { FileLocker } from './file-locker.ts';
import { openIntake, type Pacer, payForBuffers } from './intake.ts';
import { readStatedChecksum, type StatedChecksum } from './stated-checksum.ts';
import { EXPOSED_HEADERS, type TusRefusal, toRefusal } from './tus-protocol.ts';
import { fillUnknown, NOBODY, type Uploader } from './uploader.ts';
import { VerifyingFileStore } from './verifying-file-store.ts';

export type TusPorts = {
  /** Absolute directory for raw uploads. */
  directory: string;
  /** Makes the asset; it exists from then on, in state `uploading`. */
  createAsset(asset: Pick<AssetDocument, 'id' | 'owner' | 'filename' | 'context' | 'uploadKey'>): Promise<void>;
  /** The last byte is on disk. Must be repeatable; must not wait for Redis. */
  finishUpload(assetId: string, measured: UploadMeasure): Promise<void>;
  /** The uploader took it back. */
  abandonUpload(assetId: string): Promise<void>;
  /** How uploads go, chunk by chunk. */
  meter: Pick<UploadMeter, 'begin' | 'held' | 'lostItsPlace' | 'measure' | 'end'>;
  /** Shares the line between uploaders; null: they take what they get. */
  pacer: Pacer | null;
  budget: Pick<DiskBudget, 'promise' | 'requireRoom' | 'settle'>;
};

/** How long an upload may take, from its creation. */
export const UPLOADS_EXPIRE_AFTER_MS = 24 * 3_600_000;
const MAX_UPLOAD_BYTES = 64 * 1024 ** 3;
const UPLOAD_ID = /^u_[\w-]{32}$/;

/** What one request is about: the store and the hooks of tus are given too little of it. */
type UploadRequest = {
  checksum: StatedChecksum | null;
  uploader: Uploader;
  /** The body of a creation may bring the first bytes, of an upload that has no id yet. */
  beginFirstChunk(uploadId: string, assetId: string, stated: Context): void;
  /** Made by this request and not whole yet. */
  createdId: string | null;
  /** What has come over the connection since the request began. */
  receivedBytes(): number;
};

/** The tus server below `path`, as an Express handler. It only answers when all went well; refusals are thrown. */
export function createTusHandler(
  path: string,
  ports: TusPorts,
  uploaderOf: (request: Request, response: Response) => Uploader,
): RequestHandler {
  const requests = new AsyncLocalStorage<UploadRequest>();
  const server = createTusServer(path, ports, requests);
  return async (request, response) => {
    const checksum = readStatedChecksum(request.get('upload-checksum'));
    const uploader = uploaderOf(request, response);
    const uploadId = uploadIdIn(path, request.originalUrl);
    const { socket } = request;
    const receivedBefore = socket.bytesRead;
    const receivedBytes = (): number => socket.bytesRead - receivedBefore;
    if (request.method === 'PATCH' && uploadId !== undefined) ports.meter.begin(request, { uploadId, uploader });
    if (request.method === 'HEAD' && uploadId !== undefined) void ports.meter.lostItsPlace(uploadId);
    const beginFirstChunk: UploadRequest['beginFirstChunk'] = (createdId, assetId, stated) =>
      ports.meter.begin(request, { uploadId: createdId, uploader, about: { assetId, stated } });
    try {
      await requests.run({ checksum, uploader, createdId: null, beginFirstChunk, receivedBytes }, () =>
        server.handle(request, response),
      );
    } catch (error) {
      // What is left of a refused body is not worth receiving.
      if (!request.complete) response.setHeader('Connection', 'close');
      throw error;
    }
  };
}

/** Refusals that tus makes outside its handlers, of malformed headers, are thrown as the others are. */
class RefusingServer extends Server {
  override async write(...[context, headers, status, body]: Parameters<Server['write']>) {
    if (status >= 400) throw toRefusal({ status_code: status, body: body ?? '' });
    return super.write(context, headers, status, body);
  }
}

function createTusServer(path: string, ports: TusPorts, requests: AsyncLocalStorage<UploadRequest>): Server {
  const datastore = new VerifyingFileStore({
    directory: ports.directory,
    expirationPeriodInMilliseconds: UPLOADS_EXPIRE_AFTER_MS,
    statedChecksum: () => requests.getStore()?.checksum ?? null,
    intakeOf({ id, offset, metadata }) {
      const intakePorts = {
        requireRoom: () => ports.budget.requireRoom(),
        pacer: ports.pacer,
        receivedBytes: requests.getStore()?.receivedBytes ?? (() => 0),
        onHeld: (heldMs: number) => ports.meter.held(id, heldMs),
      };
      return openIntake(intakePorts, requests.getStore()?.uploader ?? NOBODY, { offset, metadata: metadata ?? {} });
    },
    promiseRoom: (uploadId, declaredBytes) => ports.budget.promise(uploadId, declaredBytes),
  });
  const removeFiles = datastore.remove.bind(datastore);
  datastore.remove = async (id) => {
    const upload = await datastore.getUpload(id);
    await ports.meter.end(id, 'abandoned');
    await removeFiles(id);
    ports.budget.settle(id);
    const assetId = upload.metadata?.[ASSET_KEY];
    if (assetId) await ports.abandonUpload(assetId);
  };
  return new RefusingServer({
    path,
    datastore,
    locker: new FileLocker(ports.directory),
    maxSize: MAX_UPLOAD_BYTES,
    // Absolute, for clients that take it as it comes. It goes back to the sender alone, so its own proxy's word will do.
    respectForwardedHeaders: true,
    // A finished upload is an asset: deleting that needs an admin.
    disableTerminationForFinishedUploads: true,
    allowedHeaders: ['Upload-Checksum'],
    exposedHeaders: EXPOSED_HEADERS,
    namingFunction: () => `u_${randomBytes(24).toString('base64url')}`,
    getFileIdFromRequest: (request) => uploadIdIn(path, request.url),
    onUploadCreate: async (request, upload) => {
      await ports.budget.promise(upload.id, upload.size ?? 0);
      const assetId = `a_${randomBytes(17).toString('base64url').slice(0, 22)}`;
      const { context: stated, ...described } = describeUpload(upload.metadata ?? {});
      // Of an asset its uploader knows best; what they do not say is what their request shows.
      const uploader = requests.getStore()?.uploader ?? NOBODY;
      const context = fillUnknown(stated, uploader.context);
      await ports.createAsset({ id: assetId, uploadKey: `uploads/${upload.id}`, ...described, context });
      const response = request.runtime?.node?.res as ServerResponse | undefined;
      response?.setHeader('NARA-Asset-Id', assetId);
      noteCreated(requests, upload.id);
      await payForBuffers(ports.pacer, uploader, described.owner);
      requests.getStore()?.beginFirstChunk(upload.id, assetId, stated);
      return { metadata: { ...upload.metadata, [ASSET_KEY]: assetId } };
    },
    onUploadFinish: async (_request, upload) => {
      noteCreated(requests, null);
      ports.budget.settle(upload.id);
      await syncToDisk(upload);
      const assetId = upload.metadata?.[ASSET_KEY];
      const measured = await ports.meter.measure(upload.id, upload.size ?? 0);
      if (assetId) await ports.finishUpload(assetId, measured);
      void ports.meter.end(upload.id, 'whole');
      return {};
    },
    onResponseError: async (_request, error: Error | TusRefusal) => {
      // Its creator never learns where a refused upload is, and begins anew.
      const createdId = requests.getStore()?.createdId ?? null;
      if (createdId !== null) await datastore.remove(createdId).catch(() => {});
      throw toRefusal(error);
    },
  });
}

/** Of the path alone: `?key=` is no part of an id. */
function uploadIdIn(path: string, url: string): string | undefined {
  const id = new URL(url, 'http://here').pathname.slice(path.length + 1);
  return UPLOAD_ID.test(id) ? id : undefined;
}

function noteCreated(requests: AsyncLocalStorage<UploadRequest>, createdId: string | null): void {
  const request = requests.getStore();
  if (request !== undefined) request.createdId = createdId;
}

async function syncToDisk(upload: Upload): Promise<void> {
  if (upload.storage?.path === undefined) return;
  const file = await open(upload.storage.path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
