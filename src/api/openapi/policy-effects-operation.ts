import { z } from 'zod';
import { encodeGroupSchema } from '../../domain/index.ts';
import { EFFECT_METRICS, type EffectsReport } from '../../policy/effects-report.ts';
import { effectsQuerySchema } from '../routes/policy-effects-routes.ts';
import type { Operation } from './operation.ts';

const count = z.int().min(0);
const interval = z.tuple([z.number(), z.number()]).nullable();

const sideSchema = z.object({
  value: z.number().nullable(),
  numerator: z.number(),
  denominator: z.number(),
  n: count.meta({ description: 'Views.' }),
  assets: count,
  owners: count,
});

const effectSchema = z.object({
  value: z.number().nullable().meta({ description: 'Treated − held.' }),
  ci95: interval.meta({ description: 'Null below five assets a side.' }),
  clusteredBy: z.enum(['asset', 'owner']).nullable().meta({ description: 'What the interval takes for independent.' }),
  n: count,
  treated: sideSchema,
  held: sideSchema,
});

const effectsSchema = z.object(
  Object.fromEntries(EFFECT_METRICS.map((name) => [name, effectSchema])) as Record<
    (typeof EFFECT_METRICS)[number],
    typeof effectSchema
  >,
);

const meanSchema = z.object({
  value: z.number().nullable(),
  numerator: z.number(),
  denominator: z.number(),
  n: count.meta({ description: 'Assets.' }),
  ci95: interval,
});

const reportSchema = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  encoding: z.object({
    effects: effectsSchema.meta({
      description:
        'Assets with learned plans − held-out assets, randomised by asset; those planned while cold left out.',
    }),
    groups: z.array(
      z.object({
        group: z.string().meta({ description: encodeGroupSchema.options.join(', ') }),
        cold: z.boolean(),
        assets: count,
        rungs: z.number().min(0).meta({ description: 'Mean per asset.' }),
      }),
    ),
  }),
  playTime: z.object({
    effects: effectsSchema.meta({
      description:
        'Views of panel assets given another ladder − those given the baseline’s, weighted by 1 ÷ probability.',
    }),
  }),
  audience: z.array(
    z.object({
      level: z.string().meta({ description: '`all`, or how specific the prediction was.' }),
      error: meanSchema.meta({
        description: 'Share of views that came from elsewhere than predicted, mean over assets.',
      }),
      chance: z.number().nullable().meta({ description: 'What it would be were every prediction exact.' }),
      watchOctaves: meanSchema.meta({ description: 'log₂ of seconds watched ÷ predicted.' }),
    }),
  ),
  summary: z.array(z.string()),
}) satisfies z.ZodType<EffectsReport>;

export const POLICY_EFFECTS_OPERATION: Operation = {
  id: 'readPolicyEffects',
  method: 'get',
  path: '/v1/policy/effects',
  tag: 'policy',
  summary:
    'What encoding by what was learned does, apart from what offering by it does; how well audiences were predicted.',
  access: ['read'],
  query: effectsQuerySchema,
  answers: {
    200: {
      description: 'Differences with their sides and 95 % intervals; four weeks unless asked.',
      schema: reportSchema,
    },
  },
  problems: { 400: 'A query parameter is not usable.', 503: 'The analytics database does not answer.' },
};
