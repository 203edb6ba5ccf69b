import express, { Router } from 'express';
import { z } from 'zod';
import {
  type Codec,
  type Context,
  type Decision,
  type DecisionRequest,
  decisionRequestSchema,
  describeIssues,
  type OfferedRung,
} from '../../domain/index.ts';
import { keepRawBody, requireScopeOrSignature, type SenderPorts } from '../authenticate.ts';
import type { Edge } from '../edge/edge.ts';
import { Problem, parseOr400 } from '../problem.ts';

/** A decision with its token, or why there is none. Structurally what `delivery` answers. */
export type DecisionAnswer =
  | { kind: 'decided'; decision: Decision; offered: OfferedRung[]; viewToken: string }
  | { kind: 'unknown-asset' }
  | { kind: 'not-playable' };

export type DecisionPorts = SenderPorts & {
  edge: Pick<Edge, 'groupOf'>;
  decide(
    requests: readonly {
      sessionId: string;
      assetId: string;
      context: Context;
      covariates: DecisionRequest['covariates'];
      decodes?: readonly Codec[];
    }[],
    options: { peek: boolean },
  ): Promise<{ kind: 'decided'; results: DecisionAnswer[] } | { kind: 'full'; retryAfterSeconds: number }>;
};

const MAX_SESSIONS = 1_000;

const bodySchema = z.object({
  peek: z.boolean().default(false),
  sessions: z.array(z.unknown()).min(1).max(MAX_SESSIONS),
});

/** `POST /v1/decisions`: up to 1,000 sessions at once; a bad one is answered with its error, the rest are decided. */
export function decisionRoutes(ports: DecisionPorts): Router {
  const router = Router();
  const { beforeBody, afterBody } = requireScopeOrSignature(ports, 'decide');
  router.post(
    '/v1/decisions',
    beforeBody,
    express.json({ limit: '1mb', verify: keepRawBody }),
    afterBody,
    async (request, response) => {
      const { peek, sessions } = parseOr400(bodySchema, request.body ?? {});
      const parsed = sessions.map((session) => decisionRequestSchema.safeParse(session));
      const good = parsed.flatMap((result) => (result.success ? [result.data] : []));
      const requests = good.map((session) => toViewRequest(session, ports.edge));
      const batch = await ports.decide(requests, { peek });
      if (batch.kind === 'full')
        throw new Problem(503, 'decisions.full', 'The decision log is full; try again later.', batch);
      const answers = batch.results.values();
      const decisions = parsed.map((result, index) => {
        if (!result.success) return refuse(sessions[index], describeIssues(result.error, sessions[index]));
        return show(result.data, answers.next().value);
      });
      response.json({ decisions });
    },
  );
  return router;
}

function toViewRequest(
  { sessionId, assetId, region, device, connection, covariates, decodes = [] }: DecisionRequest,
  { groupOf }: DecisionPorts['edge'],
) {
  return { sessionId, assetId, context: { region: groupOf(region), device, connection }, covariates, decodes };
}

function refuse(session: unknown, errors: ReturnType<typeof describeIssues>) {
  const sessionId =
    typeof session === 'object' && session !== null && 'sessionId' in session ? session.sessionId : null;
  return { sessionId, error: { code: 'request.invalid', message: 'This session is not usable.', errors } };
}

function show({ sessionId, assetId }: DecisionRequest, answer: DecisionAnswer | undefined) {
  if (answer?.kind !== 'decided') {
    const error =
      answer?.kind === 'not-playable'
        ? { code: 'asset.not-playable', message: `Asset ${assetId} is not playable yet.` }
        : { code: 'asset.unknown', message: `There is no asset ${assetId}.` };
    return { sessionId, assetId, error };
  }
  const { generation: _generation, setHash, rungs: _rungs, covariates: _covariates, ...decision } = answer.decision;
  return { ...decision, setHash, viewToken: answer.viewToken, rungs: answer.offered };
}
