import type { RequestListener } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { createIngestHandler, type IngestHttpPorts } from './ingest/ingest-handler.ts';
import { createMediaReports } from './ingest/media-reports.ts';
import { notFound, problemHandler } from './problem.ts';
import { type AssetPorts, assetRoutes } from './routes/asset-routes.ts';
import { consoleRoutes } from './routes/console-routes.ts';
import { type DecisionPorts, decisionRoutes } from './routes/decision-routes.ts';
import { type ErasurePorts, erasureRoutes } from './routes/erasure-routes.ts';
import { type FeedTokenPorts, feedTokenRoutes } from './routes/feed-token-routes.ts';
import { type HealthPorts, healthRoutes } from './routes/health-routes.ts';
import { importRoutes } from './routes/import-routes.ts';
import { type PlaybackPorts, playbackRoutes } from './routes/playback-routes.ts';
import { type PolicyEffectsPorts, policyEffectsRoutes } from './routes/policy-effects-routes.ts';
import { type PolicyPorts, policyRoutes } from './routes/policy-routes.ts';
import { type PolicyWritePorts, policyWriteRoutes } from './routes/policy-write-routes.ts';
import { type PromotionPorts, promotionRoutes } from './routes/promotion-routes.ts';
import { type QoePorts, qoeRoutes } from './routes/qoe-routes.ts';
import { type TelemetryPorts, telemetryRoutes } from './routes/telemetry-routes.ts';
import { type UploadAdvicePorts, uploadAdviceRoutes } from './routes/upload-advice-routes.ts';
import { type UploadPorts, uploadRoutes } from './routes/upload-routes.ts';

export type AppPorts = TelemetryPorts &
  ErasurePorts &
  DecisionPorts &
  QoePorts &
  PlaybackPorts &
  PolicyPorts &
  PolicyWritePorts &
  PromotionPorts &
  PolicyEffectsPorts &
  FeedTokenPorts & {
    assets: AssetPorts;
    uploads: UploadPorts;
    uploadAdvice: Pick<UploadAdvicePorts, 'knownUplinks' | 'measuredUplink'>;
    health: HealthPorts;
    reports: IngestHttpPorts;
    /** Key that the page at `/` may carry, on a loopback bind; null otherwise. */
    browserKey: string | null;
    trustedProxies: readonly string[];
    /** Called when a response has been sent. */
    onResponse(seen: { method: string; route: string; status: number; seconds: number }): void;
  };

/** The whole HTTP surface: what players report first, because there is most of it, then everything else. */
export function createRequestHandler(ports: AppPorts, log: Logger): RequestListener {
  const takeReport = createIngestHandler(ports.reports, log);
  const watchMedia = createMediaReports({
    ...ports.reports,
    onFailure: (error) => log.warn({ err: error }, 'a media request’s report was not stored'),
  });
  const app = createApp(ports, log);
  return (request, response) => {
    if (takeReport(request, response)) return;
    watchMedia(request, response);
    app(request, response);
  };
}

/** The HTTP surface but for reports. Uploads come before any body parser; errors end in one handler. */
export function createApp(ports: AppPorts, log: Logger): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  app.set('query parser', 'simple');
  app.set('trust proxy', [...ports.trustedProxies]);
  app.use(observe(ports.onResponse));
  app.use(allowCrossOrigin);
  app.use(uploadAdviceRoutes({ ...ports.uploads, ...ports.uploadAdvice }));
  app.use(uploadRoutes(ports.uploads));
  app.use(healthRoutes(ports.health));
  app.use(playbackRoutes(ports));
  app.use(telemetryRoutes(ports));
  app.use(importRoutes({ ...ports.reports, checkKey: ports.checkKey, observe: ports.edge.observe }));
  app.use(erasureRoutes(ports));
  app.use(decisionRoutes(ports));
  app.use(assetRoutes(ports.assets));
  app.use(policyRoutes(ports));
  app.use(policyWriteRoutes(ports));
  app.use(promotionRoutes(ports));
  app.use(policyEffectsRoutes(ports));
  app.use(qoeRoutes(ports));
  app.use(feedTokenRoutes(ports));
  app.use(consoleRoutes(ports.browserKey));
  app.use(notFound);
  app.use(problemHandler(log));
  return app;
}

/** Keys travel in headers and URLs, never in cookies, so any origin may ask; each key has its own list of origins. */
const allowCrossOrigin: RequestHandler = (request, response, next) => {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (request.path.startsWith('/v1/uploads')) return next(); // The tus server answers its own preflights.
  if (request.path === '/' || request.path.startsWith('/console/')) return next(); // The page may carry a key.
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader('Access-Control-Expose-Headers', 'NARA-View, NARA-Arm, NARA-Policy, NARA-Asset-Id, Retry-After');
  if (request.method !== 'OPTIONS') return next();
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT, DELETE, OPTIONS');
  response.setHeader(
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, Content-Encoding, CMCD-Request, CMCD-Object, CMCD-Session, CMCD-Status, Range',
  );
  response.setHeader('Access-Control-Max-Age', '86400');
  response.status(204).end();
};

function observe(onResponse: AppPorts['onResponse']): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    response.once('finish', () => {
      const route: unknown = request.route?.path;
      onResponse({
        method: request.method,
        route: typeof route === 'string' ? route : Array.isArray(route) ? String(route[0]) : 'unknown',
        status: response.statusCode,
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
    next();
  };
}
