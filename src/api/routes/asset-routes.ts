import express, { Router } from 'express';
import { z } from 'zod';
import {
  type Asset,
  type AssetDocument,
  accountabilitySchema,
  assetIdSchema,
  type ExternalAsset,
  externalAssetSchema,
} from '../../domain/index.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

export type AssetPorts = {
  checkKey: CheckKey;
  read(assetId: string): Promise<AssetDocument | null>;
  /** Newest first. */
  list(query: {
    limit: number;
    cursor: string | undefined;
    owner: string | undefined;
  }): Promise<{ assets: AssetDocument[]; next: string | null }>;
  /** Clears an asset's failure and queues what is missing of it. */
  retry(assetId: string, by: RetryRequest): Promise<Retried>;
  /** False when there was none. */
  remove(assetId: string): Promise<boolean>;
  addExternal(asset: ExternalAsset): Promise<{ kind: 'created' | 'identical' | 'different'; asset: AssetDocument }>;
};

/** Who wants it and why, for the log. */
export const retrySchema = accountabilitySchema.partial();
export type RetryRequest = z.infer<typeof retrySchema>;

export type Retried = { kind: 'queued'; asset: AssetDocument } | { kind: 'unknown-asset' } | { kind: 'not-failed' };

const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(256).optional(),
  owner: z.string().max(128).optional(),
});

/** `/v1/assets`: what was uploaded, in which state, in which renditions. */
export function assetRoutes(ports: AssetPorts): Router {
  const router = Router();
  const read = requireScope(ports.checkKey, 'read');
  const admin = requireScope(ports.checkKey, 'admin');

  router.get('/v1/assets', read, async (request, response) => {
    const { limit, cursor, owner } = parseOr400(listSchema, request.query);
    const { assets, next } = await ports.list({ limit, cursor, owner });
    response.json({ assets: assets.map(showAsset), next });
  });

  router.post('/v1/assets/external', admin, express.json({ limit: '1mb' }), async (request, response) => {
    const { kind, asset } = await ports.addExternal(parseOr400(externalAssetSchema, request.body ?? {}));
    if (kind === 'different') {
      throw new Problem(
        409,
        'asset.different',
        `Asset ${asset.id} exists with other renditions; renditions are immutable, use a new id.`,
      );
    }
    response.status(kind === 'created' ? 201 : 200).json(showAsset(asset));
  });

  router.get('/v1/assets/:assetId', read, async (request, response) => {
    response.setHeader('Cache-Control', 'no-store').json(showAsset(await existing(ports, request.params.assetId)));
  });

  router.post('/v1/assets/:assetId/retry', admin, express.json({ limit: '64kb' }), async (request, response) => {
    const assetId = parseAssetId(request.params.assetId);
    const retried = await ports.retry(assetId, parseOr400(retrySchema, request.body ?? {}));
    if (retried.kind === 'unknown-asset') throw unknownAsset(assetId);
    if (retried.kind === 'not-failed')
      throw new Problem(409, 'asset.not-failed', `Asset ${assetId} has no failure that could be retried.`);
    response.status(202).json(showAsset(retried.asset));
  });

  router.delete('/v1/assets/:assetId', admin, async (request, response) => {
    const assetId = parseAssetId(request.params.assetId);
    if (!(await ports.remove(assetId))) throw unknownAsset(assetId);
    response.status(204).end();
  });

  return router;
}

export function unknownAsset(assetId: string): Problem {
  return new Problem(404, 'asset.unknown', `There is no asset ${assetId}.`);
}

/** The id, or a 404 where no asset can be called that. */
export function parseAssetId(text: unknown): string {
  const parsed = assetIdSchema.safeParse(text);
  if (!parsed.success) throw unknownAsset(String(text).slice(0, 80));
  return parsed.data;
}

async function existing(ports: AssetPorts, id: unknown): Promise<AssetDocument> {
  const assetId = parseAssetId(id);
  const document = await ports.read(assetId);
  if (document === null) throw unknownAsset(assetId);
  return document;
}

/** What the contract shows of an asset: no upload id, no store keys. */
export function showAsset(document: AssetDocument): Asset {
  const {
    kind: _kind,
    uploadKey: _uploadKey,
    upload: _upload,
    audio: _audio,
    complexityScale: _scale,
    retired: _retired,
    duplicateOf: _duplicateOf,
    plan,
    renditions,
    ...rest
  } = document;
  const { allocationVersion: _allocationVersion, ...shownPlan } = plan ?? {};
  return {
    ...rest,
    plan: plan === null ? null : (shownPlan as Asset['plan']),
    renditions: renditions.map(({ id, width, height, fps, codec, bitrateKbps, peakKbps, bytes, quality }) => ({
      id,
      width,
      height,
      fps,
      codec,
      bitrateKbps,
      peakKbps,
      bytes,
      quality,
    })),
  };
}
