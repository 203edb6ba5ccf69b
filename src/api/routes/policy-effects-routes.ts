import { Router } from 'express';
import { z } from 'zod';
import type { EffectsReport } from '../../policy/effects-report.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

export type PolicyEffectsPorts = {
  checkKey: CheckKey;
  nowMs(): number;
  effects(range: { from: Date; to: Date }): Promise<EffectsReport>;
};

const DEFAULT_WINDOW_MS = 28 * 86_400_000;

export const effectsQuerySchema = z.object({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});

/** `GET /v1/policy/effects`: what encoding and what offering by what was learned does, apart; how good audiences were predicted. */
export function policyEffectsRoutes(ports: PolicyEffectsPorts): Router {
  const router = Router();
  router.get('/v1/policy/effects', requireScope(ports.checkKey, 'read'), async (request, response) => {
    const stated = parseOr400(effectsQuerySchema, request.query);
    const to = stated.to === undefined ? new Date(ports.nowMs()) : new Date(stated.to);
    const from = stated.from === undefined ? new Date(to.getTime() - DEFAULT_WINDOW_MS) : new Date(stated.from);
    if (from >= to) {
      const received = from.toISOString();
      throw new Problem(400, 'request.invalid', `from: expected a time before to (got ${received})`, {
        errors: [{ path: 'from', expected: `a time before to, ${to.toISOString()}`, received }],
      });
    }
    response.json(await ports.effects({ from, to }));
  });
  return router;
}
