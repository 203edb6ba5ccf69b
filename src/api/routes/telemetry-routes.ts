import { Router } from 'express';
import { z } from 'zod';
import type { Audit } from '../../telemetry/account.ts';
import { type DeadLetter, ROW_REFUSED } from '../../telemetry/read-dead-letters.ts';
import type { ReportLoss } from '../../telemetry/read-report-loss.ts';
import { REFUSAL_CODES } from '../../telemetry/refusal.ts';
import { type CheckKey, requireScope } from '../authenticate.ts';
import { parseOr400 } from '../problem.ts';

export type TelemetryPorts = {
  checkKey: CheckKey;
  audit(range: { fromMs: number; toMs: number }): Promise<Audit>;
  deadLetters(query: { from: Date; to: Date; code?: string; limit: number }): Promise<DeadLetter[]>;
  losses(range: { from: Date; to: Date }): Promise<ReportLoss>;
  nowMs(): number;
};

const DAY_MS = 24 * 3_600_000;
/** What comes in while the question is asked is in the answer. */
const SLACK_MS = 60_000;
const MAX_LETTERS = 1_000;

const time = z.iso.datetime({ offset: true }).optional();
const rangeSchema = z.object({ from: time, to: time });
const lettersSchema = rangeSchema.extend({
  code: z.enum([...REFUSAL_CODES, ROW_REFUSED]).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LETTERS).default(100),
});

/** What became of telemetry: the account, and what was refused. Telemetry itself comes in through `ingest-handler.ts`. */
export function telemetryRoutes(ports: TelemetryPorts): Router {
  const router = Router();
  const rangeOf = ({ from, to }: z.infer<typeof rangeSchema>): { from: Date; to: Date } => {
    const end = to === undefined ? new Date(ports.nowMs() + SLACK_MS) : new Date(to);
    return { from: from === undefined ? new Date(end.getTime() - DAY_MS) : new Date(from), to: end };
  };

  router.get('/v1/telemetry/audit', requireScope(ports.checkKey, 'read'), async (request, response) => {
    const { from, to } = rangeOf(parseOr400(rangeSchema, request.query));
    response.json(await ports.audit({ fromMs: from.getTime(), toMs: to.getTime() }));
  });

  router.get('/v1/telemetry/dead-letters', requireScope(ports.checkKey, 'admin'), async (request, response) => {
    const { code, limit, ...range } = parseOr400(lettersSchema, request.query);
    const query = { ...rangeOf(range), limit, ...(code === undefined ? {} : { code }) };
    response.json({ deadLetters: await ports.deadLetters(query) });
  });

  router.get('/v1/telemetry/losses', requireScope(ports.checkKey, 'read'), async (request, response) => {
    response.json(await ports.losses(rangeOf(parseOr400(rangeSchema, request.query))));
  });

  return router;
}
