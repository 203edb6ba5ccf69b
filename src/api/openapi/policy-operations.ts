import { z } from 'zod';
import {
  armAllocationSchema,
  armSchema,
  connectionSchema,
  contextAllocationSchema,
  contextSchema,
  deviceSchema,
  fallbackLevelSchema,
  outcomeChecksSchema,
  policyConfigSchema,
  policyOperationSchema,
  promotionStageSchema,
  regionSchema,
  rewardWeightsSchema,
  versionSchema,
} from '../../domain/index.ts';
import type { Explanation } from '../../policy/explain.ts';
import type { Suggestions } from '../../policy/proposer/suggest-arms.ts';
import type { Operation } from './operation.ts';

const points = z.number();

const componentsSchema = z.object({
  quality: points,
  stall: points,
  startup: points,
  switches: points,
  mbps: points,
  failure: points,
});

const share = z.number();

/** How far what is known of an arm can be trusted. */
const evidenceSchema = z.object({
  clippedShare: z.object({ quality: share, stall: share, startup: share, switches: share }).nullable(),
  cappedShare: share,
  buckets: z.object({ count: z.int(), mean: points, median: points }).nullable(),
  missing: outcomeChecksSchema.shape.missing,
  sampleRatio: outcomeChecksSchema.shape.sampleRatio.element.nullable(),
});

const explanationSchema = z.object({
  context: contextSchema,
  level: fallbackLevelSchema,
  configVersion: versionSchema,
  allocationVersion: versionSchema,
  baselineShare: z.number().min(0).max(1),
  ledger: contextAllocationSchema.shape.ledger.unwrap().nullable(),
  noiseSd: points,
  best: z.string(),
  arms: z.array(
    armAllocationSchema.extend(evidenceSchema.shape).extend({
      baseline: z.boolean(),
      gain: points,
      gainSd: points,
      components: componentsSchema.nullable(),
      shrinkage: z.object({ global: points, region: points, device: points, cell: points }),
      viewsNeeded: z.union([z.number(), z.literal('never')]),
    }),
  ),
  summary: z.string(),
}) satisfies z.ZodType<Explanation>;

const suggestionsSchema = z.object({
  arms: z.array(
    z.object({
      arm: armSchema.meta({ description: 'As it can be put.' }),
      places: z.array(
        z.object({
          context: contextSchema,
          gain: points.meta({ description: 'Over the best present arm, before it had a view.' }),
          gainSd: points,
          pBest: z.number().min(0).max(1),
          views: z.number().min(0),
        }),
      ),
      worth: points.meta({ description: 'Points per view, over all views there are.' }),
    }),
  ),
  retire: z.array(z.string()),
}) satisfies z.ZodType<Suggestions>;

/** As `policy-routes.ts` reads it. */
const explainQuerySchema = z.object({
  region: regionSchema,
  device: deviceSchema,
  connection: connectionSchema.default('unknown'),
});

const learnedSchema = z.object({
  configVersion: versionSchema,
  allocationVersion: versionSchema,
  changed: z.boolean().meta({ description: 'False when there was nothing new.' }),
  views: z.object({ matured: z.int().min(0), used: z.int().min(0) }),
  durationMs: z.number().min(0),
});

const historySchema = z.object({
  configs: z.array(
    policyConfigSchema
      .pick({ configVersion: true, parent: true, createdAt: true, actor: true, reason: true, staged: true })
      .extend({
        stage: promotionStageSchema.nullable(),
        diff: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() }).partial()),
      }),
  ),
  operations: z.array(policyOperationSchema),
});

export const POLICY_OPERATIONS: readonly Operation[] = [
  {
    id: 'readPolicy',
    method: 'get',
    path: '/v1/policy',
    tag: 'policy',
    summary: 'What is offered where, by which config and allocation.',
    access: ['read'],
    answers: {
      200: {
        description: 'Arm weights of every context that has some of its own.',
        schema: z.object({
          configVersion: versionSchema,
          allocationVersion: versionSchema,
          createdAt: z.iso.datetime(),
          reward: rewardWeightsSchema,
          contexts: z.array(contextAllocationSchema),
        }),
      },
    },
  },
  {
    id: 'listPolicyVersions',
    method: 'get',
    path: '/v1/policy/versions',
    tag: 'policy',
    summary: 'Numbers of all policy documents, and who changed what, why.',
    access: ['read'],
    answers: {
      200: {
        description: 'Numbers rising; history with the newest first, at most 50 of each.',
        schema: z.object({
          configs: z.array(versionSchema),
          allocations: z.array(versionSchema),
          history: historySchema,
        }),
      },
    },
  },
  {
    id: 'suggestArms',
    method: 'get',
    path: '/v1/policy/suggestions',
    tag: 'policy',
    summary: 'Ladders derived from measured lines that are worth trying, and arms that are surely never best.',
    access: ['read'],
    answers: { 200: { description: 'What is worth most first; nothing is changed.', schema: suggestionsSchema } },
    problems: { 503: 'The analytics database does not answer.' },
  },
  {
    id: 'explainPolicy',
    method: 'get',
    path: '/v1/policy/explain',
    tag: 'policy',
    summary: 'Why a context is offered what it is offered, and what would change it.',
    access: ['read'],
    query: explainQuerySchema,
    answers: { 200: { description: 'Posterior, evidence and a summary in words.', schema: explanationSchema } },
    problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
  },
  {
    id: 'listArms',
    method: 'get',
    path: '/v1/policy/arms',
    tag: 'policy',
    summary: 'The ladder families of what is in force and what is being served, exactly one of them the baseline.',
    access: ['read'],
    answers: {
      200: {
        description: 'Nominal bitrates at reference complexity.',
        schema: z.object({ arms: z.array(armSchema.extend({ inPlay: z.boolean() })) }),
      },
    },
  },
  {
    id: 'learn',
    method: 'post',
    path: '/v1/policy/learn',
    tag: 'policy',
    summary: 'Ships what is spooled and refits now; waits up to 30 s.',
    access: ['admin'],
    answers: {
      200: { description: 'The refit is done.', schema: learnedSchema },
      202: { description: 'It is still running.', schema: z.object({ status: z.literal('running') }) },
    },
    problems: { 503: 'The learner cannot be reached.' },
  },
];
