import { Router } from 'express';
import { z } from 'zod';
import { assetIdSchema } from '../../domain/index.ts';
import { QOE_KEYS, type QoeGroup, type QoeQuery } from '../../telemetry/qoe.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { parseOr400 } from '../problem.ts';

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
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.enum(QOE_KEYS))),
  assetId: assetIdSchema.optional(),
});

/** `GET /v1/qoe`: how views went, by whatever grouping, each figure with what it was made of. */
export function qoeRoutes(ports: QoePorts): Router {
  const router = Router();
  router.get('/v1/qoe', requireScope(ports.checkKey, 'read'), async (request, response) => {
    const query = parseOr400(querySchema, request.query);
    const to = query.to === undefined ? new Date(ports.nowMs() + SLACK_MS) : new Date(query.to);
    const from = query.from === undefined ? new Date(to.getTime() - DEFAULT_WINDOW_MS) : new Date(query.from);
    const groups = await ports.readQoe({
      from,
      to,
      groupBy: query.groupBy,
      ...(query.assetId === undefined ? {} : { assetId: query.assetId }),
    });
    response.json({ from: from.toISOString(), to: to.toISOString(), groups });
  });
  return router;
}
