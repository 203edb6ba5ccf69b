import { z } from 'zod';
import { assetIdSchema } from '../../domain/index.ts';
import { MAX_GROUPS, QOE_KEYS } from '../../telemetry/qoe.ts';
import { type Metric, MIN_PLAYS } from '../../telemetry/qoe-intervals.ts';
import { QOE_METRICS } from '../../telemetry/qoe-metrics.ts';
import { STARTUP_QUANTILES } from '../../telemetry/startup-quantiles.ts';
import type { Operation } from './operation.ts';

const count = z.int().min(0);

/** As `qoe-routes.ts` reads it. */
const qoeQuerySchema = z.object({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Not before `from`.' }),
  groupBy: z
    .string()
    .regex(new RegExp(`^((${QOE_KEYS.join('|')})(,|$))*$`))
    .default('')
    .meta({ description: `Comma-separated, of ${QOE_KEYS.join(', ')}.` }),
  assetId: assetIdSchema.optional(),
});

/** A figure with what it was made of; `value` is null where nothing was measured, `ci95` where too little was. */
export const metricSchema = z.object({
  value: z.number().nullable(),
  numerator: z.number(),
  denominator: z.number(),
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  n: count,
  enough: z
    .boolean()
    .meta({ description: `Whether there are ${MIN_PLAYS} plays behind it; else no alert may rest on it.` }),
}) satisfies z.ZodType<Metric>;

const playingTimesSchema = z.record(z.string(), z.object({ ms: z.number().min(0), share: z.number().min(0).max(1) }));

const METRIC_LIST = [
  ...QOE_METRICS.map(({ name, unit, definition }) => `- \`${name}\`, ${unit}: ${definition}`),
  '- `reward`, points: Mean reward a view by the weights in force; views with known quality.',
  `- \`${Object.keys(STARTUP_QUANTILES).join('`, `')}\`, ms: Quantiles of startup; started views whose startup was measured.`,
].join('\n');

const qoeGroupSchema = z.object({
  ...Object.fromEntries(QOE_KEYS.map((key) => [key, z.string().optional()])),
  views: count,
  started: count,
  failedToStart: count,
  leftBeforeStart: count,
  unobserved: count,
  metrics: z.record(z.string(), metricSchema).meta({ description: METRIC_LIST }),
  rungMs: playingTimesSchema.meta({
    description: 'Playing time per rendition id, the longest played; ids mean something within an asset only.',
  }),
  heightMs: playingTimesSchema.meta({ description: 'Playing time per height of rendition, or `unknown`.' }),
});

export const QOE_OPERATION: Operation = {
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
  problems: {
    400: `A query parameter is not usable, or the views fall into more than ${MAX_GROUPS} groups.`,
    503: 'The analytics database does not answer.',
  },
};
