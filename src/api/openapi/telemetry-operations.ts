import { z } from 'zod';
import { decisionRequestSchema, decisionSchema, EVENT_SOURCES, eventSchema } from '../../domain/index.ts';
import type { Audit } from '../../telemetry/account.ts';
import { type DeadLetter, ROW_REFUSED } from '../../telemetry/read-dead-letters.ts';
import type { ReportLoss } from '../../telemetry/read-report-loss.ts';
import { REFUSAL_CODES } from '../../telemetry/refusal.ts';
import { type ErasureReport, erasureSchema } from '../routes/erasure-routes.ts';
import { importSchema } from '../routes/import-routes.ts';
import { issueSchema, type Operation } from './operation.ts';
import { QOE_OPERATION } from './qoe-operation.ts';

const issuesSchema = z.array(issueSchema);
const count = z.int().min(0);

const figuresSchema = z.object({
  received: count,
  stored: count,
  duplicates: count,
  deadLettered: count,
  erased: count,
  waiting: count,
  unaccounted: z.int(),
  balanced: z.boolean(),
});

const auditSchema = figuresSchema.extend({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  distinctEvents: count,
  hours: z.array(figuresSchema.extend({ hour: z.iso.datetime() })),
}) satisfies z.ZodType<Audit>;

const deadLetterSchema = z.object({
  at: z.iso.datetime(),
  source: z.string(),
  code: z.string(),
  reason: z.string(),
  sessionId: z.string(),
  assetId: z.string(),
  events: count.meta({ description: 'How many it stands for; their text is not kept when there are too many.' }),
  body: z.string(),
}) satisfies z.ZodType<DeadLetter>;

const reportCounts = { expected: count, seen: count, lost: count, repeated: count };
const reportLossSchema = z.object({
  total: z.object(reportCounts),
  bySource: z.array(z.object({ source: z.enum(EVENT_SOURCES), reporters: count, ...reportCounts })),
  worst: z.array(z.object({ sessionId: z.string(), source: z.enum(EVENT_SOURCES), ...reportCounts })),
}) satisfies z.ZodType<ReportLoss>;

const timeRangeSchema = z.object({
  from: z.iso.datetime().optional().meta({ description: 'Default: a day before `to`.' }),
  to: z.iso.datetime().optional().meta({ description: 'Default: now.' }),
});

const batchAnswerSchema = z.object({
  accepted: count,
  duplicates: count,
  rejected: z.array(z.object({ index: count, code: z.enum(REFUSAL_CODES), errors: issuesSchema })),
});

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

const erasureReportSchema = z.object({
  rows: z.object({
    events: count,
    decisions: count,
    outcomes: count,
    deadLetters: count,
    rollups: count,
    deadRows: count.meta({ description: 'Rows that the database had refused, on this host’s disk.' }),
  }),
  hours: count.meta({ description: 'Hours that were rolled up again.' }),
}) satisfies z.ZodType<ErasureReport>;

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
    signable: true,
    body: {
      'application/json': z.object({ events: z.array(eventSchema) }),
      'application/x-ndjson': z.string().meta({ description: 'One event per line.' }),
      'text/plain': z.string().meta({ description: 'Either of these, as a beacon sends it.' }),
    },
    answers: {
      202: {
        description: '`duplicates` is what a bounded window saw; exactness comes from folding events into outcomes.',
        schema: batchAnswerSchema,
      },
    },
    problems: { 400: 'The body is no list of events.', 413: 'The body is too large.', 503: 'The spool is full.' },
  },
  {
    id: 'reportCmcd',
    method: 'post',
    path: '/v1/cmcd',
    tag: 'telemetry',
    summary: 'Reports what a player saw, in CMCD v2 event mode (CTA-5004-B).',
    description:
      'One structured-field dictionary a line, or JSON objects of CMCD keys. `sid` is the session, `cid` the asset. Bad lines are dead letters, never a 4xx: players drop what is answered with one. docs/players.md configures each player.',
    access: ['telemetry', 'decide'],
    signable: true,
    body: {
      'application/cmcd': z.string().meta({ description: 'One report per line, with or without a last line feed.' }),
      'application/json': z.unknown().meta({ description: 'An array of objects of CMCD keys, or one.' }),
    },
    answers: { 200: { description: '`index` is the line.', schema: batchAnswerSchema } },
    problems: { 413: 'The body is too large.', 503: 'The spool is full.' },
  },
  {
    id: 'importTelemetry',
    method: 'post',
    path: '/v1/telemetry/imports',
    tag: 'telemetry',
    summary: 'Reports that an edge cache absorbed, out of its access log.',
    description:
      '`nara telemetry import-log` does this. At most 8 MiB. Addresses are resolved to region and network and dropped at once. Importing a log again adds nothing to any outcome.',
    access: ['admin'],
    body: { 'application/json': importSchema },
    answers: {
      202: { description: '`index` is among the events of all batches.', schema: batchAnswerSchema },
    },
    problems: { 400: 'The body is not usable.', 413: 'The body is too large.', 503: 'The spool is full.' },
  },
  {
    id: 'eraseTelemetry',
    method: 'post',
    path: '/v1/telemetry/erasures',
    tag: 'telemetry',
    summary: 'Removes somebody’s telemetry everywhere.',
    description:
      'Of a session, of an asset, or of an owner, which is that of all their assets. Ships what is spooled first; what arrives late is erased too. A keyed hash of whose it was stays, with who asked and why. May be asked again at any time. The assets themselves are deleted by `DELETE /v1/assets/{assetId}`.',
    access: ['admin'],
    body: { 'application/json': erasureSchema },
    answers: { 200: { description: 'How many rows there were.', schema: erasureReportSchema } },
    problems: {
      400: 'The body is not usable.',
      503: 'The database or Redis does not answer, or shipping takes too long.',
    },
  },
  {
    id: 'auditTelemetry',
    method: 'get',
    path: '/v1/telemetry/audit',
    tag: 'telemetry',
    summary:
      'Where every received event is, by hour: received = stored + duplicates + deadLettered + erased + waiting.',
    access: ['read'],
    query: timeRangeSchema,
    answers: { 200: { description: 'The account.', schema: auditSchema } },
    problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
  },
  {
    id: 'readReportLoss',
    method: 'get',
    path: '/v1/telemetry/losses',
    tag: 'telemetry',
    summary: 'Reports that players made and that never came, by the players’ own counts (CMCD `sn`).',
    access: ['read'],
    query: timeRangeSchema,
    answers: { 200: { description: 'By source, and the players that lost the most.', schema: reportLossSchema } },
    problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
  },
  {
    id: 'listDeadLetters',
    method: 'get',
    path: '/v1/telemetry/dead-letters',
    tag: 'telemetry',
    summary: 'What came in and could not be stored as an event, with the reason, newest first.',
    access: ['admin'],
    query: timeRangeSchema.extend({
      code: z.enum([...REFUSAL_CODES, ROW_REFUSED]).optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    answers: { 200: { description: 'The letters.', schema: z.object({ deadLetters: z.array(deadLetterSchema) }) } },
    problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
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
    signable: true,
    body: { 'application/json': decisionBodySchema },
    answers: {
      200: {
        description: 'In the order of the sessions.',
        schema: z.object({ decisions: z.array(z.union([decidedViewSchema, undecidedSessionSchema])) }),
      },
    },
    problems: { 400: 'The body is not usable.', 503: 'The decision log is full.' },
  },
  QOE_OPERATION,
];
