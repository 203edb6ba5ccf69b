import { z } from 'zod';
import {
  armIdSchema,
  assetIdSchema,
  connectionSchema,
  deviceSchema,
  regionSchema,
  renditionIdSchema,
  sessionIdSchema,
  viewIdSchema,
} from '../../domain/index.ts';
import type { Operation } from './operation.ts';

const HLS = 'application/vnd.apple.mpegurl';
const DASH = 'application/dash+xml';
const asset = z.object({ assetId: assetIdSchema });
const rendition = asset.extend({ renditionId: renditionIdSchema });
const text = z.string();
const bytes = z.string().meta({ format: 'binary' });
const PREVIEW_NAME = /^(poster(-2x)?\.webp|preview\.mp4|storyboard\.(vtt|m3u8|webp)|storyboard-\d{1,4}\.webp)$/;

const decodesSchema = z.string().meta({
  description:
    'What the player has found out that it decodes beside H.264, such as `av1`; several with commas. A view that does not say gets H.264.',
});

const viewQuerySchema = z.object({
  sid: sessionIdSchema.optional().meta({ description: 'The player’s session (CMCD `sid`); minted here when absent.' }),
  region: regionSchema.optional(),
  device: deviceSchema.optional(),
  connection: connectionSchema.optional(),
  decodes: decodesSchema.optional(),
});

const decisionHeaders = z.object({
  Location: z.string(),
  'NARA-View': viewIdSchema,
  'NARA-Arm': armIdSchema,
  'NARA-Policy': z.string().meta({ description: '`CONFIG.ALLOCATION`: the versions decided by.' }),
});

/** `/v/…`: what players fetch. Anything may stand in their `CMCD` query. */
export const PLAYBACK_OPERATIONS: readonly Operation[] = [
  {
    id: 'decideAndPlay',
    method: 'get',
    path: '/v/{assetId}/master.m3u8',
    tag: 'playback',
    summary: 'Decides what this view is offered and redirects there; the only step that no cache may keep.',
    description:
      'The first decision of a session and asset stands for 24 h. Context in the query is believed from `decide` keys only.',
    access: { openOr: 'decide' },
    params: asset,
    query: viewQuerySchema,
    answers: { 307: { description: 'The manifest of this view.', headers: decisionHeaders } },
    problems: {
      400: 'The session id is not usable.',
      404: 'There is no such asset, it is not playable (yet), or it is served elsewhere.',
      503: 'The decision log is full.',
    },
  },
  {
    id: 'decideAndPlayDash',
    method: 'get',
    path: '/v/{assetId}/manifest.mpd',
    tag: 'playback',
    summary: 'The same decision, for players of MPEG-DASH.',
    description:
      'An asset whose first rung is still being encoded is playable over HLS only: a static MPD of it would end early.',
    access: { openOr: 'decide' },
    params: asset,
    query: viewQuerySchema,
    answers: { 307: { description: 'The manifest of this view.', headers: decisionHeaders } },
    problems: {
      400: 'The session id is not usable.',
      404: 'There is no such asset, it is not playable (yet; `Retry-After` says when to ask again), or it is served elsewhere.',
      503: 'The decision log is full.',
    },
  },
  {
    id: 'readManifest',
    method: 'get',
    path: '/v/{assetId}/p/{token}/master.m3u8',
    tag: 'playback',
    summary: 'The multivariant playlist of one view’s treatment.',
    access: 'open',
    params: asset.extend({ token: z.string() }),
    answers: { 200: { description: 'HLS multivariant playlist, cacheable for seconds.', schema: text, type: HLS } },
    problems: { 403: 'The token is forged or expired.', 404: 'There is no such asset.' },
  },
  {
    id: 'readDashManifest',
    method: 'get',
    path: '/v/{assetId}/p/{token}/manifest.mpd',
    tag: 'playback',
    summary: 'The MPD of one view’s treatment, on the same segments.',
    access: 'open',
    params: asset.extend({ token: z.string() }),
    answers: { 200: { description: 'Static MPD, cacheable for seconds.', schema: text, type: DASH } },
    problems: { 403: 'The token is forged or expired.', 404: 'There is no such asset.' },
  },
  {
    id: 'readMediaPlaylist',
    method: 'get',
    path: '/v/{assetId}/r/{renditionId}/index.m3u8',
    tag: 'playback',
    summary: 'The media playlist of one rendition, shared by all arms.',
    access: 'open',
    params: rendition,
    answers: {
      200: { description: 'HLS media playlist; immutable once the asset is complete.', schema: text, type: HLS },
    },
    problems: { 404: 'There is no such rendition.' },
  },
  {
    id: 'readIframePlaylist',
    method: 'get',
    path: '/v/{assetId}/r/{renditionId}/iframes.m3u8',
    tag: 'playback',
    summary: 'The keyframes of one rendition by their bytes, for scrubbing and winding: immutable.',
    access: 'open',
    params: rendition,
    answers: { 200: { description: 'HLS I-frame playlist.', schema: text, type: HLS } },
    problems: { 404: 'There is none of this rendition (yet).' },
  },
  {
    id: 'readMedia',
    method: 'get',
    path: '/v/{assetId}/r/{renditionId}/{file}',
    tag: 'playback',
    summary: 'An initialisation segment or a media segment: immutable.',
    access: 'open',
    params: rendition.extend({ file: z.string().regex(/^(init\.mp4|seg-\d{1,6}\.m4s)$/) }),
    answers: { 200: { description: 'Fragmented MP4.', schema: bytes, type: 'video/mp4' } },
    problems: { 404: 'There is no such file.' },
  },
  {
    id: 'readPreview',
    method: 'get',
    path: '/v/{assetId}/{preview}',
    tag: 'playback',
    summary: 'Poster, preview clip and storyboard: made once and immutable.',
    description:
      '`poster.webp` and `poster-2x.webp`, `preview.mp4` (muted, a few seconds, below 100 kB), `storyboard.vtt` with the sprites it names (`storyboard-0.webp`, …; `storyboard.webp` is the first) and `storyboard.m3u8`, the same as an HLS image playlist.',
    access: 'open',
    params: asset.extend({ preview: z.string().regex(PREVIEW_NAME) }),
    answers: { 200: { description: 'The file.', schema: bytes, type: '*/*' } },
    problems: { 404: 'There is none of this asset.' },
  },
];
