import { z } from 'zod';
import {
  accountabilitySchema,
  armSchema,
  contextSchema,
  fallbackLevelSchema,
  pinSchema,
  rewardWeightsSchema,
  versionSchema,
} from '../../domain/index.ts';
import type { WhatIf } from '../../policy/what-if.ts';
import { pinRequestSchema, putArmSchema, rollbackSchema, whatIfSchema } from '../routes/policy-write-routes.ts';
import type { Operation } from './operation.ts';

const points = z.number();
const changedSchema = z.boolean().meta({ description: 'False when everything was so already.' });

const favouriteSchema = z.object({
  arm: z.string(),
  weight: z.number(),
  pBest: z.number(),
  gain: points,
  gainSd: points,
});

const whatIfAnswerSchema = z.object({
  configVersion: versionSchema,
  reward: rewardWeightsSchema,
  views: z.int().min(0),
  contexts: z.array(
    contextSchema.extend({
      level: fallbackLevelSchema,
      views: z.number(),
      before: favouriteSchema,
      after: favouriteSchema,
      changed: z.boolean(),
    }),
  ),
}) satisfies z.ZodType<WhatIf>;

const pinParams = z.object({ pinId: pinSchema.shape.id });

/** What operators change by hand. */
export const POLICY_WRITE_OPERATIONS: readonly Operation[] = [
  {
    id: 'putArm',
    method: 'put',
    path: '/v1/policy/arms/{armId}',
    tag: 'policy',
    summary: 'Adds a ladder family, or pauses, retires, resumes or makes the baseline of one.',
    description:
      'Publishes a new config when that changes anything. What is left out stays as it is. The ladder of an arm never changes: another ladder is another arm. An arm that is paused or retired is given to no new view from now on; a new one is given with the next refit. With `staged` the change is put on trial first.',
    access: ['admin'],
    params: z.object({ armId: pinSchema.shape.arm }),
    body: { 'application/json': putArmSchema },
    answers: {
      200: {
        description: 'The arm as it is now.',
        schema: z.object({ configVersion: versionSchema, arm: armSchema, changed: changedSchema }),
      },
    },
    problems: {
      400: 'A field is not usable; a new arm needs rungs.',
      409: 'The arm has another ladder, the baseline would be missing, or another config is on trial.',
    },
  },
  {
    id: 'rollBackPolicy',
    method: 'post',
    path: '/v1/policy/rollback',
    tag: 'policy',
    summary: 'Ends a trial, and publishes what an earlier config says, under a new number, where another is in force.',
    access: ['admin'],
    body: { 'application/json': rollbackSchema },
    answers: {
      200: {
        description: 'The config that is now in force.',
        schema: z.object({
          configVersion: versionSchema,
          parent: versionSchema.nullable(),
          toConfigVersion: versionSchema,
          changed: changedSchema,
        }),
      },
    },
    problems: { 400: 'There is no such config.' },
  },
  {
    id: 'listPins',
    method: 'get',
    path: '/v1/policy/pins',
    tag: 'policy',
    summary: 'The pins that hold now.',
    access: ['read'],
    answers: { 200: { description: 'By place.', schema: z.object({ pins: z.array(pinSchema) }) } },
  },
  {
    id: 'pin',
    method: 'post',
    path: '/v1/policy/pins',
    tag: 'policy',
    summary: 'Gives every new view of a region and device one arm, until the pin expires.',
    description:
      'A later pin for the same place takes the place of an earlier one; one of a connection goes before one of all. Where the arm is not eligible on an asset the allocation decides. Pinned views are counted, but nothing is learned from them.',
    access: ['admin'],
    body: { 'application/json': pinRequestSchema },
    answers: { 201: { description: 'It holds.', schema: pinSchema } },
    problems: { 400: 'No such active arm, or an expiry that is past or more than 90 days ahead.' },
  },
  {
    id: 'unpin',
    method: 'delete',
    path: '/v1/policy/pins/{pinId}',
    tag: 'policy',
    summary: 'Ends a pin; actor and reason in the query or the body.',
    access: ['admin'],
    params: pinParams,
    query: accountabilitySchema.partial(),
    answers: { 200: { description: 'What it was.', schema: pinSchema } },
    problems: { 400: 'Actor or reason is missing.', 404: 'No such pin holds.' },
  },
  {
    id: 'whatIf',
    method: 'post',
    path: '/v1/policy/what-if',
    tag: 'policy',
    summary: 'What would be chosen if past views had been scored by another reward; changes nothing.',
    access: ['read'],
    body: { 'application/json': whatIfSchema },
    answers: { 200: { description: 'Contexts whose choice would change come first.', schema: whatIfAnswerSchema } },
    problems: { 400: 'A field is not usable.', 503: 'The analytics database does not answer.' },
  },
];
