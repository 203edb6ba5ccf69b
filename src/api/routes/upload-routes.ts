import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { FileStore } from '@tus/file-store';
import { Server, type Upload } from '@tus/server';
import { type RequestHandler, Router } from 'express';
import { type AssetDocument, ownerSchema, UNKNOWN_CONTEXT } from '../../domain/index.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { readStatedContext } from '../request-context.ts';
import { UploadMeter } from '../upload-meter.ts';

export type UploadPorts = {
  checkKey: CheckKey;
  /** Absolute directory for raw uploads. */
  directory: string;
  /** Makes the asset; it exists from then on, in state `uploading`. */
  createAsset(asset: Pick<AssetDocument, 'id' | 'owner' | 'filename' | 'context' | 'uploadKey'>): Promise<void>;
  /** The last byte is on disk. Must be repeatable; must not wait for Redis. */
  finishUpload(assetId: string, measured: NonNullable<AssetDocument['upload']>): Promise<void>;
  /** The uploader took it back. */
  abandonUpload(assetId: string): Promise<void>;
};

const PATH = '/v1/uploads';
const UPLOADS_EXPIRE_AFTER_MS = 24 * 3_600_000;
const MAX_UPLOAD_BYTES = 64 * 1024 ** 3;
/** In tus metadata, written by us at creation: which asset an upload becomes. Whatever a client sends under it is replaced. */
const ASSET_KEY = 'nara-asset-id';

/**
 * tus 1.0 at `/v1/uploads`, streamed to disk. Raw uploads can never be read back: GET is not routed. An upload id is a
 * secret capability and differs from the asset id.
 */
export function uploadRoutes(ports: UploadPorts): Router {
  const meter = new UploadMeter();
  const server = createTusServer(ports, meter);
  const handle: RequestHandler = async (request, response) => {
    meter.observe(request, response);
    await server.handle(request, response);
  };
  const router = Router();
  const scope = requireScope(ports.checkKey, 'upload');
  router.options([PATH, `${PATH}/*rest`], handle);
  router.post(PATH, scope, handle);
  router.head(`${PATH}/*rest`, scope, handle);
  router.patch(`${PATH}/*rest`, scope, handle);
  router.delete(`${PATH}/*rest`, scope, handle);
  return router;
}

function createTusServer(ports: UploadPorts, meter: UploadMeter): Server {
  const datastore = new FileStore({
    directory: ports.directory,
    expirationPeriodInMilliseconds: UPLOADS_EXPIRE_AFTER_MS,
  });
  const server = new Server({
    path: PATH,
    datastore,
    maxSize: MAX_UPLOAD_BYTES,
    relativeLocation: true,
    allowedHeaders: ['Authorization'],
    exposedHeaders: ['NARA-Asset-Id'],
    namingFunction: () => `u_${randomBytes(24).toString('base64url')}`,
    onUploadCreate: async (request, upload) => {
      const assetId = `a_${randomBytes(17).toString('base64url').slice(0, 22)}`;
      await ports.createAsset({ id: assetId, uploadKey: `uploads/${upload.id}`, ...describeUpload(upload) });
      const response = request.runtime?.node?.res as ServerResponse | undefined;
      response?.setHeader('NARA-Asset-Id', assetId);
      return { metadata: { ...upload.metadata, [ASSET_KEY]: assetId } };
    },
    onUploadFinish: async (_request, upload) => {
      await syncToDisk(upload);
      const assetId = upload.metadata?.[ASSET_KEY];
      if (assetId) await ports.finishUpload(assetId, meter.take(upload.id, upload.size ?? 0));
      return {};
    },
  });
  const { remove } = datastore;
  datastore.remove = async (id) => {
    const upload = await datastore.getUpload(id);
    await remove.call(datastore, id);
    const assetId = upload.metadata?.[ASSET_KEY];
    if (assetId) await ports.abandonUpload(assetId);
  };
  return server;
}

/** Names and metadata are a stranger's text: cut to size, never used as a path. */
function describeUpload(upload: Upload): Pick<AssetDocument, 'owner' | 'filename' | 'context'> {
  const metadata = upload.metadata ?? {};
  const owner = ownerSchema.safeParse(metadata.owner);
  return {
    owner: owner.success ? owner.data : 'anonymous',
    filename: printable(metadata.filename ?? '').slice(0, 255) || 'untitled',
    context: { ...UNKNOWN_CONTEXT, ...readStatedContext(metadata) },
  };
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, '').trim();
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
