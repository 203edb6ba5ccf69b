import type { IncomingHttpHeaders } from 'node:http';
import express, { Router } from 'express';
import { z } from 'zod';
import type { Context } from '../../domain/index.ts';
import type { Ingest, Rejected } from '../../telemetry/ingest.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

export type ImportPorts = {
  checkKey: CheckKey;
  ingest: Ingest;
  /** What a request from this address with these headers showed. */
  observe(request: { headers: IncomingHttpHeaders; socket: { remoteAddress: string } }): {
    context: Context;
    block: string;
  };
};

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_BATCHES = 10_000;
const header = z.string().max(1024).optional();

/** Events out of an edge's log, by the request that would have brought them here. */
export const importSchema = z.object({
  batches: z
    .array(
      z.object({
        source: z.enum(['cmcd1', 'cmcd2-request', 'cmcd2-event']),
        address: z.string().max(64).meta({ description: 'Of the player; resolved and dropped at once.' }),
        headers: z
          .object({ 'user-agent': header, 'sec-ch-ua-form-factors': header, 'sec-ch-ua-mobile': header })
          .default({}),
        events: z.array(z.unknown()).min(1),
      }),
    )
    .max(MAX_BATCHES),
});
export type Import = z.infer<typeof importSchema>;

/** What became of an import; refused events are at their place in the order of all events of all batches. */
export type ImportAnswer = { accepted: number; duplicates: number; rejected: Rejected[] };

/**
 * `POST /v1/telemetry/imports`: late and many at once, with the addresses they came from, which go no further. For an
 * operator's own logs; players report at `/v1/telemetry`, `/v1/cmcd` and with what they fetch.
 */
export function importRoutes(ports: ImportPorts): Router {
  const router = Router();
  router.post(
    '/v1/telemetry/imports',
    requireScope(ports.checkKey, 'admin'),
    express.json({ limit: MAX_BODY_BYTES }),
    async (request, response) => {
      const { batches } = parseOr400(importSchema, request.body);
      response.status(202).json(await ingestAll(ports, batches));
    },
  );
  return router;
}

/** All batches at once, so that they share a write to disk. */
async function ingestAll({ ingest, observe }: ImportPorts, batches: Import['batches']): Promise<ImportAnswer> {
  const results = await Promise.all(
    batches.map(({ source, address, headers, events }) => {
      const observed = observe({ headers, socket: { remoteAddress: address } });
      return ingest(events, { source, ...observed, trusted: false, isImport: true });
    }),
  );
  const answer: ImportAnswer = { accepted: 0, duplicates: 0, rejected: [] };
  let eventsBefore = 0;
  for (const [place, result] of results.entries()) {
    if (result.kind === 'full')
      throw new Problem(503, 'telemetry.full', 'The telemetry spool is full; send this import again later.', result);
    answer.accepted += result.accepted;
    answer.duplicates += result.duplicates;
    for (const refused of result.rejected) answer.rejected.push({ ...refused, index: eventsBefore + refused.index });
    eventsBefore += batches[place]?.events.length ?? 0;
  }
  return answer;
}
