import express, { Router } from 'express';
import { z } from 'zod';
import { accountabilitySchema, assetIdSchema, ownerSchema, sessionIdSchema } from '../../domain/index.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

const by = accountabilitySchema.shape;

/** Whose telemetry is to be erased, for whom and why: exactly one of a session, an asset, or an owner with all assets of theirs. */
export const erasureSchema = z.union([
  z.strictObject({ sessionId: sessionIdSchema, ...by }),
  z.strictObject({ assetId: assetIdSchema, ...by }),
  z.strictObject({ owner: ownerSchema, ...by }),
]);
export type Erasure = z.infer<typeof erasureSchema>;

/** How many rows there were, and how many hours were rolled up again without them. */
export type ErasureReport = {
  rows: { events: number; decisions: number; outcomes: number; deadLetters: number; rollups: number; deadRows: number };
  hours: number;
};

export type ErasureAnswer = { kind: 'erased'; report: ErasureReport } | { kind: 'unavailable'; reason: string };

export type ErasurePorts = {
  checkKey: CheckKey;
  /** Ships what is spooled, then erases; may be asked again at any time, also after it failed. */
  eraseTelemetry(erasure: Erasure): Promise<ErasureAnswer>;
};

/** `POST /v1/telemetry/erasures`: removes somebody's telemetry everywhere, and keeps a hash of whose it was, who asked and why. */
export function erasureRoutes(ports: ErasurePorts): Router {
  const router = Router();
  router.post(
    '/v1/telemetry/erasures',
    requireScope(ports.checkKey, 'admin'),
    express.json(),
    async (request, response) => {
      const answer = await ports.eraseTelemetry(parseErasure(request.body));
      if (answer.kind === 'unavailable') {
        throw new Problem(503, 'erasure.unavailable', `Nothing is finished; ask again: ${answer.reason}`, {
          retryAfterSeconds: 5,
        });
      }
      response.json(answer.report);
    },
  );
  return router;
}

const SUBJECTS = ['sessionId', 'assetId', 'owner'] as const;

/** A union says of every mistake that it is none of its members: whose telemetry is asked for is looked at first. */
function parseErasure(body: unknown): Erasure {
  const named = SUBJECTS.filter((name) => typeof body === 'object' && body !== null && name in body);
  const [name] = named;
  if (name === undefined || named.length > 1) {
    const expected = `exactly one of ${SUBJECTS.join(', ')}`;
    const received = named.join(', ') || 'none';
    throw new Problem(400, 'request.invalid', `the body: expected ${expected} (got ${received})`, {
      errors: [{ path: '', expected, received }],
    });
  }
  return parseOr400(erasureSchema.options[SUBJECTS.indexOf(name)] ?? erasureSchema, body);
}
