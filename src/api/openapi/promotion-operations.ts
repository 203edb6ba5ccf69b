import { z } from 'zod';
import {
  promotionEvidenceSchema,
  promotionStageSchema,
  stageOperationSchema,
  versionSchema,
} from '../../domain/index.ts';
import type { TrialReport } from '../../policy/promotion/describe-trial.ts';
import { holdSchema, promoteSchema, proposeSchema } from '../routes/promotion-routes.ts';
import type { Operation } from './operation.ts';

const share = z.number().min(0).max(1);

const trialSchema = z.object({
  configVersion: versionSchema,
  parent: versionSchema.nullable(),
  actor: z.string(),
  reason: z.string(),
  stage: promotionStageSchema,
  share: share.meta({ description: 'Of new views.' }),
  held: z.boolean(),
  since: z.iso.datetime(),
  exposedSince: z.iso.datetime().nullable(),
  diff: z.array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })),
  evidence: promotionEvidenceSchema,
  verdict: z.object({ move: promotionStageSchema.nullable(), share, reason: z.string() }),
}) satisfies z.ZodType<TrialReport>;

const stagedAnswer = {
  description: 'Where the config on trial is now.',
  schema: stageOperationSchema.pick({ configVersion: true, stage: true, share: true, held: true }),
};

/** Other settings, and the stages by which they earn their views. */
export const PROMOTION_OPERATIONS: readonly Operation[] = [
  {
    id: 'readPromotion',
    method: 'get',
    path: '/v1/policy/promotion',
    tag: 'policy',
    summary: 'The config on trial: its stage, what is known of it, and what is to be done about it.',
    description:
      'In shadow a candidate is scored from views that others decided; from the canary on, its own views are compared with those of the config in force, by intervals that hold at every look at once. Open ends of an interval are null.',
    access: ['read'],
    answers: {
      200: {
        description: 'One config is on trial at a time, or none.',
        schema: z.object({ inForceVersion: versionSchema, trial: trialSchema.nullable() }),
      },
    },
    problems: { 503: 'The analytics database does not answer.' },
  },
  {
    id: 'proposeConfig',
    method: 'post',
    path: '/v1/policy/configs',
    tag: 'policy',
    summary: 'Puts other settings on trial, or in force at once with `staged: false`.',
    access: ['admin'],
    body: { 'application/json': proposeSchema },
    answers: {
      200: { description: 'Everything was so already.', schema: writtenSchema() },
      201: { description: 'Published under a new number.', schema: writtenSchema() },
    },
    problems: { 400: 'A setting is unknown, fixed or not usable.', 409: 'Another config is on trial.' },
  },
  {
    id: 'promoteConfig',
    method: 'post',
    path: '/v1/policy/promote',
    tag: 'policy',
    summary: 'Takes the config on trial to its next stage, or to the one named, whatever the evidence says.',
    access: ['admin'],
    body: { 'application/json': promoteSchema },
    answers: { 200: stagedAnswer },
    problems: { 400: 'A field is not usable.', 409: 'No config is on trial, or it is past that stage.' },
  },
  {
    id: 'holdConfig',
    method: 'post',
    path: '/v1/policy/hold',
    tag: 'policy',
    summary: 'Keeps the config on trial at its stage, or lets it go on with `held: false`; harm still ends it.',
    access: ['admin'],
    body: { 'application/json': holdSchema },
    answers: { 200: stagedAnswer },
    problems: { 400: 'A field is not usable.', 409: 'No config is on trial.' },
  },
];

function writtenSchema() {
  return z.object({
    configVersion: versionSchema,
    parent: versionSchema.nullable(),
    staged: z.boolean(),
    changed: z.boolean(),
  });
}
