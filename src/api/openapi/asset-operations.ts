import { z } from 'zod';
import { assetIdSchema, assetSchema, externalAssetSchema } from '../../domain/index.ts';
import { retrySchema } from '../routes/asset-routes.ts';
import type { Operation } from './operation.ts';

/** As `asset-routes.ts` reads it. */
const listQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(256).optional(),
  owner: z.string().max(128).optional(),
});

const params = z.object({ assetId: assetIdSchema });
const UNKNOWN = { 404: 'There is no such asset.' };

export const ASSET_OPERATIONS: readonly Operation[] = [
  {
    id: 'listAssets',
    method: 'get',
    path: '/v1/assets',
    tag: 'assets',
    summary: 'Assets, newest first.',
    access: ['read'],
    query: listQuerySchema,
    answers: {
      200: {
        description: 'One page; `next` is the cursor of the one after it, null at the end.',
        schema: z.object({ assets: z.array(assetSchema), next: z.string().nullable() }),
      },
    },
    problems: { 400: 'A query parameter is not usable.' },
  },
  {
    id: 'readAsset',
    method: 'get',
    path: '/v1/assets/{assetId}',
    tag: 'assets',
    summary: 'One asset: its state, its plan and why, its renditions.',
    access: ['read'],
    params,
    answers: { 200: { description: 'The asset.', schema: assetSchema } },
    problems: UNKNOWN,
  },
  {
    id: 'retryAsset',
    method: 'post',
    path: '/v1/assets/{assetId}/retry',
    tag: 'assets',
    summary: 'Clears an asset’s failure and makes what is missing of it; `actor` and `reason` are for the log.',
    access: ['admin'],
    params,
    body: { 'application/json': retrySchema },
    answers: { 202: { description: 'It is tried again; finished renditions are kept.', schema: assetSchema } },
    problems: { ...UNKNOWN, 400: 'The body is not usable.', 409: 'It has not failed.' },
  },
  {
    id: 'deleteAsset',
    method: 'delete',
    path: '/v1/assets/{assetId}',
    tag: 'assets',
    summary: 'Removes an asset with everything made of it.',
    access: ['admin'],
    params,
    answers: { 204: { description: 'It is gone.' } },
    problems: UNKNOWN,
  },
  {
    id: 'addExternalAsset',
    method: 'post',
    path: '/v1/assets/external',
    tag: 'assets',
    summary: 'Renditions encoded elsewhere that NARA decides over, but does not serve.',
    access: ['admin'],
    body: { 'application/json': externalAssetSchema },
    answers: {
      200: { description: 'It was there already, identical.', schema: assetSchema },
      201: { description: 'Views of it can be decided from now on.', schema: assetSchema },
    },
    problems: { 400: 'The body is not usable.', 409: 'The id exists with other renditions.' },
  },
];
