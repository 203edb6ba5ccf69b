import { Router } from 'express';
import { z } from 'zod';
import { assetIdSchema } from '../../domain/index.ts';
import { QOE_KEYS, type QoeGroup, type QoeQuery, TooManyGroupsError } from '../../telemetry/qoe.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

export type QoePorts = { checkKey: CheckKey; readQoe(query: QoeQuery): Promise<QoeGroup[]>; nowMs(): number };

const DEFAULT_WINDOW_MS = 24 * 3_600_000;
/** Views that begin while the question is asked are in the answer. */
const SLACK_MS = 60_000;

const querySchema = z.object({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  groupBy: z
    .string()
    .default('')
    .transform((text) => [...new Set(text.split(',').filter(Boolean))])
    .pipe(z.array(z.enum(QOE_KEYS))),
  assetId: assetIdSchema.optional(),
});

/** `GET /v1/qoe`: how views went, by whatever grouping, each figure with what it was made of. */
export function qoeRoutes(ports: QoePorts): Router {
  const router = Router();
  router.get('/v1/qoe', requireScope(ports.checkKey, 'read'), async (request, response) => {
    const query = readQuery(request.query, ports.nowMs());
    const groups = await ports.readQoe(query).catch((error: unknown) => {
      if (error instanceof TooManyGroupsError)
        throw refusal('groupBy', 'fewer keys, an asset or a shorter window', error.message);
      throw error;
    });
    response.json({ from: query.from.toISOString(), to: query.to.toISOString(), groups });
  });
  return router;
}

function readQuery(asked: unknown, nowMs: number): QoeQuery {
  const { groupBy, assetId, ...stated } = parseOr400(querySchema, asked);
  const to = stated.to === undefined ? new Date(nowMs + SLACK_MS) : new Date(stated.to);
  const from = stated.from === undefined ? new Date(to.getTime() - DEFAULT_WINDOW_MS) : new Date(stated.from);
  if (from > to) throw refusal('from', `a time not after to, ${to.toISOString()}`, from.toISOString());
  return { from, to, groupBy, ...(assetId === undefined ? {} : { assetId }) };
}

const refusal = (path: string, expected: string, received: string): Problem =>
  new Problem(400, 'request.invalid', `${path}: expected ${expected} (got ${received})`, {
    errors: [{ path, expected, received }],
  });
