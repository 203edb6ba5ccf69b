import { z } from 'zod';
import { assetIdSchema, decisionRequestSchema, decisionSchema, eventSchema } from '../../domain/index.ts';
import type { Audit } from '../../telemetry/account.ts';
import { QOE_KEYS } from '../../telemetry/qoe.ts';
import type { Metric } from '../../telemetry/qoe-intervals.ts';
import { issueSchema, type Operation } from './operation.ts';

const issuesSchema = z.array(issueSchema);
const count = z.int().min(0);

const auditSchema = z.object({
  since: z.iso.datetime(),
  received: count,
  stored: count,
  duplicates: count,
  deadLettered: count,
  distinctEvents: count,
  waiting: count,
}) satisfies z.ZodType<Audit>;

/** As `decision-routes.ts` reads it, with what it asks of each session. */
const decisionBodySchema = z.object({
  peek: z.boolean().default(false).meta({ description: 'Decide without logging; nothing stands.' }),
  sessions: z.array(decisionRequestSchema).min(1).max(1_000),
});

/** A view and what it may play. */
export const decidedViewSchema = decisionSchema
  .omit({ generation: true, covariates: true })
  .extend({ viewToken: z.string() });

/** A session for which there is no decision, and why. */
export const undecidedSessionSchema = z.object({
  sessionId: z.string().nullable(),
  assetId: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string(), errors: issuesSchema.optional() }),
});

/** As `qoe-routes.ts` reads it. */
const qoeQuerySchema = z.object({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  groupBy: z
    .string()
    .regex(new RegExp(`^((${QOE_KEYS.join('|')})(,|$))*$`))
    .default('')
    .meta({ description: `Comma-separated, of ${QOE_KEYS.join(', ')}.` }),
  assetId: assetIdSchema.optional(),
});

/** A figure with what it was made of; `value` and `ci95` are null where too little was measured. */
export const metricSchema = z.object({
  value: z.number().nullable(),
  numerator: z.number(),
  denominator: z.number(),
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  n: count,
}) satisfies z.ZodType<Metric>;

const qoeGroupSchema = z.object({
  region: z.string().optional(),
  device: z.string().optional(),
  connection: z.string().optional(),
  arm: z.string().optional(),
  assetId: z.string().optional(),
  hour: z.string().optional(),
  views: count,
  started: count,
  failedToStart: count,
  leftBeforeStart: count,
  unobserved: count,
  metrics: z.record(z.string(), metricSchema),
});

export const TELEMETRY_OPERATIONS: readonly Operation[] = [
  {
    id: 'reportEvents',
    method: 'post',
    path: '/v1/telemetry',
    tag: 'telemetry',
    summary: 'Reports what players and uploaders saw.',
    description:
      'At most 1 MiB and 10,000 events once decompressed; gzip is understood. Accepted events are on disk before the answer. A bad event comes back with its reasons, the rest are kept. Context is believed from `decide` keys only.',
    access: ['telemetry', 'decide'],
    body: {
      'application/json': z.object({ events: z.array(eventSchema) }),
      'application/x-ndjson': z.string().meta({ description: 'One event per line.' }),
      'text/plain': z.string().meta({ description: 'Either of these, as a beacon sends it.' }),
    },
    answers: {
      202: {
        description: '`duplicates` is what a bounded window saw; exactness comes from folding events into outcomes.',
        schema: z.object({
          accepted: count,
          duplicates: count,
          rejected: z.array(z.object({ index: count, errors: issuesSchema })),
        }),
      },
    },
    problems: { 400: 'The body is no list of events.', 413: 'The body is too large.', 503: 'The spool is full.' },
  },
  {
    id: 'auditTelemetry',
    method: 'get',
    path: '/v1/telemetry/audit',
    tag: 'telemetry',
    summary: 'Where every received event is: received = stored + duplicates + deadLettered + waiting.',
    access: ['read'],
    answers: { 200: { description: 'The account.', schema: auditSchema } },
    problems: { 503: 'The analytics database does not answer.' },
  },
  {
    id: 'decide',
    method: 'post',
    path: '/v1/decisions',
    tag: 'decisions',
    summary: 'Which arm each session gets, for up to 1,000 at once.',
    description:
      'Idempotent and logged, unless `peek`. A bad session is answered with its error, the rest are decided.',
    access: ['decide'],
    body: { 'application/json': decisionBodySchema },
    answers: {
      200: {
        description: 'In the order of the sessions.',
        schema: z.object({ decisions: z.array(z.union([decidedViewSchema, undecidedSessionSchema])) }),
      },
    },
    problems: { 400: 'The body is not usable.', 503: 'The decision log is full.' },
  },
  {
    id: 'readQoe',
    method: 'get',
    path: '/v1/qoe',
    tag: 'telemetry',
    summary: 'Quality of experience of views that began in a window, the last 24 h unless said otherwise.',
    access: ['read'],
    query: qoeQuerySchema,
    answers: {
      200: {
        description: 'Each figure with its numerator, denominator, 95 % interval and number of views.',
        schema: z.object({ from: z.iso.datetime(), to: z.iso.datetime(), groups: z.array(qoeGroupSchema) }),
      },
    },
    problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
  },
];
