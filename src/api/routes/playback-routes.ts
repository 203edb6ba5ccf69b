import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import {
  type AssetDocument,
  type Codec,
  type Context,
  type Decision,
  renditionIdSchema,
  sessionIdSchema,
  type ViewToken,
} from '../../domain/index.ts';
import { type CheckKey, mayDo, principalOf } from '../authenticate.ts';
import type { Edge } from '../edge/edge.ts';
import { Problem, parseOr400 } from '../problem.ts';
import { cmcdSessionId, readDecodes } from '../request-context.ts';
import { parseAssetId, unknownAsset } from './asset-routes.ts';

export type ManifestFormat = 'hls' | 'dash';

export type PlaybackPorts = {
  checkKey: CheckKey;
  edge: Pick<Edge, 'observe' | 'readStated'>;
  asset(assetId: string): Promise<AssetDocument | null>;
  decideView(
    request: {
      sessionId: string | null;
      assetId: string;
      context: Context;
      block: string;
      decodes: readonly Codec[];
    },
    options: { peek: boolean },
  ): Promise<
    | { kind: 'decided'; decision: Decision; token: string }
    | { kind: 'unknown-asset' }
    | { kind: 'not-playable'; asset: AssetDocument }
    | { kind: 'full'; retryAfterSeconds: number }
  >;
  verifyToken(text: string): { kind: 'valid'; token: ViewToken } | { kind: 'invalid'; reason: string };
  /** The manifest of these renditions, or null while this format cannot describe them yet. */
  renderManifest(asset: AssetDocument, renditionIds: readonly string[], format: ManifestFormat): Promise<string | null>;
  /** A file of an asset on local disk, or null when there is none. */
  mediaFile(assetId: string, name: string): Promise<string | null>;
};

const SECONDS_PER_YEAR = 31_536_000;
/** Short: the link is one view's own and has no use in a cache. */
const MANIFEST_MAX_AGE_SECONDS = 5;
const HLS = 'application/vnd.apple.mpegurl';
const MANIFESTS: readonly Manifest[] = [
  { format: 'hls', file: 'master.m3u8', mediaType: HLS },
  { format: 'dash', file: 'manifest.mpd', mediaType: 'application/dash+xml' },
];
type Manifest = { format: ManifestFormat; file: string; mediaType: string };

const querySchema = z.object({ sid: sessionIdSchema.optional() }).loose();
const MEDIA_FILE = /^(init\.mp4|seg-\d{1,6}\.m4s)$/;
/** What previews are called; the first sprite also answers to the name of them all. */
const PREVIEW = /^(poster(-2x)?\.webp|preview\.mp4|storyboard\.(vtt|m3u8|webp)|storyboard-\d{1,4}\.webp)$/;
const FIRST_SPRITE: Record<string, string> = { 'storyboard.webp': 'storyboard-0.webp' };
const PREVIEW_TYPES: Record<string, string> = { m3u8: HLS, vtt: 'text/vtt', mp4: 'video/mp4', webp: 'image/webp' };
const IMMUTABLE = `public, max-age=${SECONDS_PER_YEAR}, immutable`;

/** `/v/…`: the redirect (but not a HEAD of it) decides, the tokened manifest offers, media is shared by all arms and immutable. */
export function playbackRoutes(ports: PlaybackPorts): Router {
  const router = Router();

  for (const manifest of MANIFESTS) {
    router.get(`/v/:assetId/${manifest.file}`, decideAndRedirect(ports, manifest));
    router.get(`/v/:assetId/p/:token/${manifest.file}`, sendManifest(ports, manifest));
  }

  router.get('/v/:assetId/r/:renditionId/index.m3u8', async (request, response) => {
    const path = await mediaPath(ports, request.params, 'index.m3u8');
    const asset = await ports.asset(request.params.assetId);
    // A playlist grows until its asset is complete.
    response.setHeader(
      'Cache-Control',
      asset?.availability !== 'complete' && asset?.availability !== 'upgraded' ? 'no-cache' : IMMUTABLE,
    );
    response.type(HLS).sendFile(path, { cacheControl: false, dotfiles: 'allow' });
  });

  router.get('/v/:assetId/r/:renditionId/iframes.m3u8', async (request, response) => {
    const path = await mediaPath(ports, request.params, 'iframes.m3u8');
    response.setHeader('Cache-Control', IMMUTABLE);
    response.type(HLS).sendFile(path, { cacheControl: false, dotfiles: 'allow' });
  });

  router.get('/v/:assetId/r/:renditionId/:file', async (request, response) => {
    const { file } = request.params;
    if (!MEDIA_FILE.test(file)) throw new Problem(404, 'media.unknown', `There is no ${file.slice(0, 80)} here.`);
    const path = await mediaPath(ports, request.params, file);
    response.setHeader('Cache-Control', IMMUTABLE);
    response
      .type(file.endsWith('.m4s') ? 'video/iso.segment' : 'video/mp4')
      .sendFile(path, { cacheControl: false, dotfiles: 'allow' });
  });

  router.get('/v/:assetId/:preview', async (request, response) => {
    const { preview } = request.params;
    const assetId = parseAssetId(request.params.assetId);
    const file = PREVIEW.test(preview) ? (FIRST_SPRITE[preview] ?? preview) : null;
    const path = file === null ? null : await ports.mediaFile(assetId, file);
    if (path === null)
      throw new Problem(404, 'media.unknown', `There is no ${preview.slice(0, 80)} of asset ${assetId}.`);
    // Made once per asset, from a source that never changes.
    response.setHeader('Cache-Control', IMMUTABLE);
    response
      .type(PREVIEW_TYPES[preview.split('.').at(-1) ?? ''] ?? 'application/octet-stream')
      .sendFile(path, { cacheControl: false, dotfiles: 'allow' });
  });

  return router;
}

function decideAndRedirect(ports: PlaybackPorts, { format, file }: Manifest): RequestHandler {
  return async (request, response) => {
    const { sid = cmcdSessionId(request) } = parseOr400(querySchema, request.query);
    const { id: assetId, asset } = await hostedAsset(ports, request.params.assetId);
    // Before the decision: a view that is sent away is none.
    if (asset.availability === 'playable' && !(await isWhole(ports, asset, format))) throw notPlayable(asset);
    const peek = request.method === 'HEAD';
    const decodes = readDecodes(request.query);
    const view = { sessionId: sid ?? null, assetId, decodes, ...viewerOf(ports, request) };
    const decided = await ports.decideView(view, { peek });
    if (decided.kind === 'full')
      throw new Problem(503, 'decisions.full', 'The decision log is full; try again later.', decided);
    if (decided.kind === 'unknown-asset') throw unknownAsset(assetId);
    if (decided.kind === 'not-playable') throw notPlayable(decided.asset);
    const { decision, token } = decided;
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('NARA-View', decision.viewId);
    response.setHeader('NARA-Arm', decision.arm);
    response.setHeader('NARA-Policy', `${decision.configVersion}.${decision.allocationVersion}`);
    response.redirect(307, `/v/${assetId}/p/${token}/${file}`);
  };
}

/** What the request shows; a server that asks for a viewer may say where that viewer is, and its own block is not theirs. */
function viewerOf({ checkKey, edge }: PlaybackPorts, request: Request): { context: Context; block: string } {
  const { context, block } = edge.observe(request);
  if (!mayDo(principalOf(request, checkKey), 'decide')) return { context, block };
  return { context: { ...context, ...edge.readStated(request.query) }, block: '' };
}

function sendManifest(ports: PlaybackPorts, { format, file, mediaType }: Manifest): RequestHandler {
  return async (request, response) => {
    const check = ports.verifyToken(String(request.params.token));
    const assetId = parseAssetId(request.params.assetId);
    if (check.kind === 'invalid')
      throw new Problem(
        403,
        `token.${check.reason}`,
        `This manifest link is ${check.reason}; ask /v/${assetId}/${file} for a new one.`,
      );
    if (check.token.assetId !== assetId)
      throw new Problem(403, 'token.forged', 'This manifest link is for another asset.');
    const asset = await ports.asset(assetId);
    if (asset === null) throw unknownAsset(assetId);
    const manifest = await ports.renderManifest(asset, check.token.renditionIds, format);
    if (manifest === null) throw notPlayable(asset);
    response.setHeader('Cache-Control', `public, max-age=${MANIFEST_MAX_AGE_SECONDS}`);
    response.type(mediaType).send(manifest);
  };
}

/**
 * HLS can offer tracks that still grow. A static MPD of them would end early, and a dynamic one begins at its live edge in
 * every player; the first rung is whole within seconds, so DASH waits for that.
 */
async function isWhole(ports: PlaybackPorts, asset: AssetDocument, format: ManifestFormat): Promise<boolean> {
  const all = asset.renditions.map(({ id }) => id);
  return format === 'hls' || (await ports.renderManifest(asset, all, format)) !== null;
}

/** An asset encoded elsewhere is decided over, never served. */
async function hostedAsset(ports: PlaybackPorts, id: unknown): Promise<{ id: string; asset: AssetDocument }> {
  const assetId = parseAssetId(id);
  const asset = await ports.asset(assetId);
  if (asset === null) throw unknownAsset(assetId);
  if (asset.kind === 'external')
    throw new Problem(
      404,
      'asset.external',
      `Asset ${assetId} is served elsewhere; ask /v1/decisions which of its renditions to offer.`,
    );
  return { id: assetId, asset };
}

async function mediaPath(
  ports: PlaybackPorts,
  params: { assetId: string; renditionId: string },
  file: string,
): Promise<string> {
  const assetId = parseAssetId(params.assetId);
  const renditionId = renditionIdSchema.safeParse(params.renditionId);
  const path = renditionId.success ? await ports.mediaFile(assetId, `r/${renditionId.data}/${file}`) : null;
  if (path === null) throw new Problem(404, 'media.unknown', `There is no such rendition file of asset ${assetId}.`);
  return path;
}

function notPlayable(asset: AssetDocument): Problem {
  if (asset.state === 'failed') {
    return new Problem(404, 'asset.failed', `Asset ${asset.id} failed: ${asset.error?.message ?? 'unknown reason'}`);
  }
  return new Problem(404, 'asset.not-playable', `Asset ${asset.id} is ${asset.state}; it is not playable yet.`, {
    retryAfterSeconds: 1,
  });
}
