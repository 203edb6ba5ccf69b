import { Router } from 'express';

export type HealthPorts = {
  /** Each part the API leans on: ready, or why not. */
  readiness(): Promise<Record<string, { ready: boolean; detail?: string }>>;
  /** Prometheus text. */
  metrics(): Promise<{ contentType: string; text: string }>;
  openApi(): unknown;
};

/** `/healthz`, `/readyz`, `/metrics`, `/openapi.json`: for machines that watch, without a key. */
export function healthRoutes(ports: HealthPorts): Router {
  const router = Router();

  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });

  router.get('/readyz', async (_request, response) => {
    const parts = await ports.readiness();
    const ready = Object.values(parts).every((part) => part.ready);
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', parts });
  });

  router.get('/metrics', async (_request, response) => {
    const { contentType, text } = await ports.metrics();
    response.setHeader('Content-Type', contentType).send(text);
  });

  router.get('/openapi.json', (_request, response) => {
    response.json(ports.openApi());
  });

  return router;
}
