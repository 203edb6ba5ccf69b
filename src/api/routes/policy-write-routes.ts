import express, { type Response, Router } from 'express';
import { z } from 'zod';
import {
  accountabilitySchema,
  armStateSchema,
  codecSchema,
  connectionSchema,
  ladderRungSchema,
  pinSchema,
  rewardWeightsSchema,
  versionSchema,
} from '../../domain/index.ts';
import type { Refusal } from '../../policy/edit-arms.ts';
import type { Operator } from '../../policy/operator.ts';
import type { WhatIf } from '../../policy/what-if.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { Problem, parseOr400 } from '../problem.ts';

/** `transparentQuality` is part of every stored outcome's meaning and cannot be asked about. */
const rewardChangesSchema = rewardWeightsSchema.omit({ transparentQuality: true }).partial().strict();
export type RewardChanges = z.infer<typeof rewardChangesSchema>;

export type PolicyWritePorts = {
  checkKey: CheckKey;
  operator: Pick<Operator, 'putArm' | 'rollback' | 'pin' | 'unpin' | 'pins'>;
  /** A write took effect in the store: serve it here now, and refit when somebody can. */
  onPolicyWritten(): Promise<void>;
  whatIf(request: { reward: RewardChanges; range: { from: Date; to: Date } | null }): Promise<WhatIf>;
};

export const putArmSchema = accountabilitySchema
  .extend({
    rungs: z
      .array(ladderRungSchema)
      .min(1)
      .max(16)
      .refine((rungs) => rungs.every((rung, i) => i === 0 || rung.bitrateKbps > (rungs[i - 1]?.bitrateKbps ?? 0)), {
        error: 'expected bitrateKbps to rise strictly from rung to rung',
      })
      .optional(),
    codec: codecSchema.optional(),
    state: armStateSchema.optional(),
    baseline: z.boolean().optional(),
    /** On trial first, instead of in force at once. */
    staged: z.boolean().default(false),
  })
  .strict();

export const pinRequestSchema = pinSchema
  .pick({ region: true, device: true, arm: true, actor: true, reason: true })
  .extend({ connection: connectionSchema.nullable().default(null), expiresAt: z.iso.datetime({ offset: true }) })
  .strict();

export const rollbackSchema = accountabilitySchema.extend({ toConfigVersion: versionSchema }).strict();

export const whatIfSchema = z
  .object({
    reward: rewardChangesSchema,
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  })
  .strict();

/** Refusals that are about the state of things rather than about the request's form. */
const CONFLICTS: ReadonlySet<string> = new Set([
  'arm.ladder-fixed',
  'arm.baseline-needed',
  'arm.baseline-active',
  'config.on-trial',
  'trial.running',
  'trial.none',
  'trial.stage',
]);
const WHAT_IF_DAYS = 90;
const DAY_MS = 86_400_000;

/** What operators change by hand, each with an actor and a reason; and what they would change. */
export function policyWriteRoutes(ports: PolicyWritePorts): Router {
  const router = Router();
  const { operator } = ports;
  const read = requireScope(ports.checkKey, 'read');
  const admin = requireScope(ports.checkKey, 'admin');
  const body = express.json({ limit: '64kb' });

  router.put('/v1/policy/arms/:armId', admin, body, async (request, response) => {
    const id = parseOr400(pinSchema.shape.arm, request.params.armId);
    const written = accepted(await operator.putArm(id, parseOr400(putArmSchema, request.body)));
    const { configVersion, arms } = written.config;
    await answer(response, written, { configVersion, arm: arms.find((arm) => arm.id === id) });
  });

  router.post('/v1/policy/rollback', admin, body, async (request, response) => {
    const asked = parseOr400(rollbackSchema, request.body);
    const written = accepted(await operator.rollback(asked));
    const { configVersion, parent } = written.config;
    await answer(response, written, { configVersion, parent, toConfigVersion: asked.toConfigVersion });
  });

  router.get('/v1/policy/pins', read, async (_request, response) => {
    response.json({ pins: await operator.pins() });
  });

  router.post('/v1/policy/pins', admin, body, async (request, response) => {
    const asked = parseOr400(pinRequestSchema, request.body);
    const expiresAt = new Date(asked.expiresAt).toISOString();
    const { pin } = accepted(await operator.pin({ ...asked, expiresAt }));
    await ports.onPolicyWritten();
    response.status(201).json(pin);
  });

  router.delete('/v1/policy/pins/:pinId', admin, body, async (request, response) => {
    // Many clients send no body with DELETE.
    const by = parseOr400(accountabilitySchema, { ...request.query, ...(request.body ?? {}) });
    const removed = await operator.unpin(String(request.params.pinId), by);
    if (removed.kind === 'unknown') throw new Problem(404, 'pin.unknown', `There is no pin ${request.params.pinId}.`);
    await ports.onPolicyWritten();
    response.json(removed.pin);
  });

  router.post('/v1/policy/what-if', read, body, async (request, response) => {
    const { reward, from, to } = parseOr400(whatIfSchema, request.body);
    response.json(await ports.whatIf({ reward, range: rangeOf(from, to) }));
  });

  async function answer(
    response: Response,
    { kind }: { kind: 'published' | 'unchanged' },
    content: object,
  ): Promise<void> {
    if (kind === 'published') await ports.onPolicyWritten();
    response.json({ ...content, changed: kind === 'published' });
  }

  return router;
}

/** What became of a write; throws why it was refused. */
export function accepted<T extends { kind: string }>(outcome: T | Refusal): Exclude<T, Refusal> {
  if (outcome.kind !== 'refused') return outcome as Exclude<T, Refusal>;
  const { code, path, expected, received } = outcome as Refusal;
  throw new Problem(CONFLICTS.has(code) ? 409 : 400, code, `${path}: expected ${expected} (got ${received})`, {
    errors: [{ path, expected, received }],
  });
}

function rangeOf(from: string | undefined, to: string | undefined): { from: Date; to: Date } | null {
  if (from === undefined && to === undefined) return null;
  const end = to === undefined ? new Date() : new Date(to);
  const start = from === undefined ? new Date(end.getTime() - WHAT_IF_DAYS * DAY_MS) : new Date(from);
  if (start < end) return { from: start, to: end };
  throw new Problem(400, 'request.invalid', `from: expected a time before to (got ${start.toISOString()})`, {
    errors: [{ path: 'from', expected: 'a time before to', received: start.toISOString() }],
  });
}
