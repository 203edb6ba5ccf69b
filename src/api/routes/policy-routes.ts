import express, { Router } from 'express';
import { z } from 'zod';
import {
  type Allocation,
  type Context,
  connectionSchema,
  deviceSchema,
  type PolicyConfig,
  regionSchema,
} from '../../domain/index.ts';
import type { KnownArm } from '../../policy/arms-in-play.ts';
import type { Suggestions } from '../../policy/proposer/suggest-arms.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

export type LearnAnswer =
  | { kind: 'done'; result: unknown }
  | { kind: 'running' }
  | { kind: 'unavailable'; reason: string };

export type PolicyPorts = {
  checkKey: CheckKey;
  current(): { config: PolicyConfig; allocation: Allocation };
  /** Of the config in force, whether or not it has been fitted yet, and of what is being served. */
  arms(): Promise<KnownArm[]>;
  explain(context: Context): Promise<unknown>;
  /** Ladders worth trying, and arms that are not; nothing is changed by asking. */
  suggestArms(): Promise<Suggestions>;
  versions(): Promise<unknown>;
  /** Ships what is spooled, then refits; waits up to 30 s. */
  learn(): Promise<LearnAnswer>;
};

const explainSchema = z.object({
  region: regionSchema,
  device: deviceSchema,
  connection: connectionSchema.default('unknown'),
});

/** `/v1/policy…`: what is offered where, and why. */
export function policyRoutes(ports: PolicyPorts): Router {
  const router = Router();
  const read = requireScope(ports.checkKey, 'read');
  const admin = requireScope(ports.checkKey, 'admin');

  router.get('/v1/policy', read, (_request, response) => {
    const { config, allocation } = ports.current();
    response.json({
      configVersion: config.configVersion,
      allocationVersion: allocation.allocationVersion,
      createdAt: allocation.createdAt,
      reward: config.reward,
      // Covariances are for deciding, not for reading.
      contexts: allocation.contexts.map(({ covariance: _, ...context }) => context),
    });
  });

  router.get('/v1/policy/versions', read, async (_request, response) => {
    response.json(await ports.versions());
  });

  router.get('/v1/policy/explain', read, async (request, response) => {
    response.json(await ports.explain(parseOr400(explainSchema, request.query)));
  });

  router.get('/v1/policy/suggestions', read, async (_request, response) => {
    response.json(await ports.suggestArms());
  });

  router.get('/v1/policy/arms', read, async (_request, response) => {
    response.json({ arms: await ports.arms() });
  });

  router.post('/v1/policy/learn', admin, express.json(), async (_request, response) => {
    const answer = await ports.learn();
    if (answer.kind === 'unavailable') {
      throw new Problem(503, 'learn.unavailable', `The learner cannot be reached: ${answer.reason}`, {
        retryAfterSeconds: 5,
      });
    }
    if (answer.kind === 'running') response.status(202).json({ status: 'running' });
    else response.json(answer.result);
  });

  return router;
}
