import express, { Router } from 'express';
import { z } from 'zod';
import { accountabilitySchema } from '../../domain/index.ts';
import { SETTING_SECTIONS } from '../../policy/change-settings.ts';
import type { Operator } from '../../policy/operator.ts';
import type { TrialReport } from '../../policy/promotion/describe-trial.ts';
import type { Moved } from '../../policy/promotion/trials.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { parseOr400 } from '../problem.ts';
import { accepted } from './policy-write-routes.ts';

export type PromotionPorts = {
  checkKey: CheckKey;
  operator: Pick<Operator, 'propose' | 'promote' | 'hold'>;
  /** The config in force, and how the one on trial stands. */
  readPromotion(): Promise<{ inForceVersion: number; trial: TrialReport | null }>;
  /** A write took effect in the store: serve it here now, and refit when somebody can. */
  onPolicyWritten(): Promise<void>;
};

const settings = z.record(z.string(), z.unknown());
const changesSchema = z
  .strictObject(Object.fromEntries(SETTING_SECTIONS.map((section) => [section, settings.optional()])))
  .refine((changes) => Object.keys(changes).length > 0, { error: `expected one of ${SETTING_SECTIONS.join(', ')}` });

export const proposeSchema = accountabilitySchema
  .extend({ changes: changesSchema, staged: z.boolean().default(true) })
  .strict();
export const promoteSchema = accountabilitySchema
  .extend({ stage: z.enum(['canary', 'ramp', 'active']).optional() })
  .strict();
export const holdSchema = accountabilitySchema.extend({ held: z.boolean().default(true) }).strict();

/** Other settings, and the stages by which they earn their views; each write with an actor and a reason. */
export function promotionRoutes(ports: PromotionPorts): Router {
  const router = Router();
  const { operator } = ports;
  const admin = requireScope(ports.checkKey, 'admin');
  const body = express.json({ limit: '64kb' });

  router.get('/v1/policy/promotion', requireScope(ports.checkKey, 'read'), async (_request, response) => {
    response.json(await ports.readPromotion());
  });

  router.post('/v1/policy/configs', admin, body, async (request, response) => {
    const { kind, config } = accepted(await operator.propose(parseOr400(proposeSchema, request.body)));
    const changed = kind === 'published';
    if (changed) await ports.onPolicyWritten();
    const { configVersion, parent, staged } = config;
    response.status(changed ? 201 : 200).json({ configVersion, parent, staged, changed });
  });

  router.post('/v1/policy/promote', admin, body, async (request, response) => {
    response.json(await done(accepted(await operator.promote(parseOr400(promoteSchema, request.body)))));
  });

  router.post('/v1/policy/hold', admin, body, async (request, response) => {
    response.json(await done(accepted(await operator.hold(parseOr400(holdSchema, request.body)))));
  });

  async function done({ operation }: Moved) {
    await ports.onPolicyWritten();
    const { configVersion, stage, share, held } = operation;
    return { configVersion, stage, share, held };
  }

  return router;
}
