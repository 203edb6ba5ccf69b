import express, { Router } from 'express';
import type { Audit } from '../../telemetry/account.ts';
import { type DecodedBody, decodeEvents } from '../../telemetry/decode-events.ts';
import type { Arrival, IngestResult } from '../../telemetry/ingest.ts';
import { type CheckKey, mayDo, requireScope } from '../authenticate.ts';
import type { Principal } from '../key-store.ts';
import { Problem } from '../problem.ts';
import { observeContext } from '../request-context.ts';

export type TelemetryPorts = {
  checkKey: CheckKey;
  ingest(events: readonly unknown[], arrival: Arrival): Promise<IngestResult>;
  audit(): Promise<Audit>;
};

/** Of the decompressed body. */
const MAX_BODY_BYTES = 1024 * 1024;

/** `POST /v1/telemetry`: accepted events are on disk before the answer; bad ones come back with their reasons. */
export function telemetryRoutes(ports: TelemetryPorts): Router {
  const router = Router();
  const readText = express.text({ type: () => true, limit: MAX_BODY_BYTES });

  router.post(
    '/v1/telemetry',
    requireScope(ports.checkKey, 'telemetry', 'decide'),
    readText,
    async (request, response) => {
      const events = eventsOf(decodeEvents(typeof request.body === 'string' ? request.body : ''));
      const principal: Principal = response.locals.principal;
      const result = await ports.ingest(events, {
        source: mayDo(principal, 'decide') ? 'server' : 'beacon',
        context: observeContext(request),
        block: '',
        trusted: mayDo(principal, 'decide'),
      });
      if (result.kind === 'full') {
        throw new Problem(503, 'telemetry.full', 'The telemetry spool is full; send these events again later.', result);
      }
      const { accepted, duplicates, rejected } = result;
      response.status(202).json({ accepted, duplicates, rejected });
    },
  );

  router.get('/v1/telemetry/audit', requireScope(ports.checkKey, 'read'), async (_request, response) => {
    response.json(await ports.audit());
  });

  return router;
}

function eventsOf(body: DecodedBody): unknown[] {
  if (body.kind === 'events') return body.events;
  throw new Problem(400, 'telemetry.unreadable', `The body: expected ${body.expected} (got ${body.received}).`, {
    errors: [{ path: '', expected: body.expected, received: body.received }],
  });
}
