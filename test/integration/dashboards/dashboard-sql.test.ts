import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertSql, QOE_ALERTS } from '../../../dashboards/qoe-alerts.ts';
import { comparisonSql } from '../../../dashboards/sql/comparison-sql.ts';
import { VIEW_METRICS } from '../../../dashboards/sql/view-metrics.ts';
import { metricSql, STARTUP_MEDIAN_SQL, VIEW_COUNT_SQL } from '../../../dashboards/sql/view-sql.ts';
import type { Context } from '../../../src/domain/index.ts';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { readQoe } from '../../../src/telemetry/qoe.ts';
import { type Metric, ratioOfSums } from '../../../src/telemetry/qoe-intervals.ts';
import { type DashboardQuery, sqlQueries } from '../../dashboards/fixtures/dashboard-queries.ts';
import { ALL, type Choices, expandMacros } from '../../dashboards/fixtures/expand-macros.ts';
import { type Engine, startEngine } from './fixtures/engine.ts';
import { PLAYED_MS, type SyntheticView, seed } from './fixtures/synthetic-views.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.now();
const EARLY_MS = NOW_MS - 8 * HOUR_MS;
const LATE_MS = NOW_MS - 2 * HOUR_MS;

const EVERYTHING: Choices = {
  fromMs: NOW_MS - 24 * HOUR_MS,
  toMs: NOW_MS,
  intervalSeconds: 600,
  variables: { region: ALL, device: ALL, panel: '1', baseline: 'baseline' },
};
const SELECTION: Choices = {
  ...EVERYTHING,
  variables: { ...EVERYTHING.variables, region: ['NO', 'SE'], device: ['phone'], panel: '0' },
};

const PHONE: Context = { region: 'NO', device: 'phone', connection: 'cellular' };
const DESKTOP: Context = { region: 'SE', device: 'desktop', connection: 'wired' };
const TV: Context = { region: 'DE', device: 'tv', connection: 'wired' };
const TABLET: Context = { region: 'FR', device: 'tablet', connection: 'wifi' };

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const view = (part: Partial<SyntheticView>): SyntheticView => ({
  context: PHONE,
  decidedAtMs: EARLY_MS,
  arm: 'baseline',
  baselineP: 0.5,
  outcome: 'started',
  stalledMs: 0,
  ...part,
});

/** The network got better while the allocation moved away from the baseline: the arms themselves stall alike. */
const DRIFTING: SyntheticView[] = [
  ...times(90, () => view({ arm: 'baseline', baselineP: 0.9, stalledMs: 12_000 })),
  ...times(10, () => view({ arm: 'learned', baselineP: 0.9, stalledMs: 12_000 })),
  ...times(20, () =>
    view({ arm: 'baseline', baselineP: 0.2, decidedAtMs: LATE_MS, stalledMs: 0, allocationVersion: 2 }),
  ),
  ...times(80, () =>
    view({ arm: 'learned', baselineP: 0.2, decidedAtMs: LATE_MS, stalledMs: 0, allocationVersion: 2 }),
  ),
];
/** Here the learned arm stalls less, with some noise. */
const BETTER: SyntheticView[] = times(100, (index) =>
  view({
    context: DESKTOP,
    arm: index % 2 === 0 ? 'baseline' : 'learned',
    stalledMs: (index % 2 === 0 ? 6_000 : 3_000) + (index % 5) * 100,
  }),
);
/** Views on assets outside the lift panel. */
const ELSEWHERE: SyntheticView[] = times(20, (index) =>
  view({ context: TV, arm: index % 2 === 0 ? 'baseline' : 'learned', liftPanel: false, stalledMs: 1_000 }),
);
/** One view a side: a difference, and no idea how sure it is. */
const LONELY: SyntheticView[] = [
  view({ context: TABLET, arm: 'baseline', stalledMs: 100 }),
  view({ context: TABLET, arm: 'learned', stalledMs: 900 }),
];
const NOT_STARTED: SyntheticView[] = [
  ...times(5, () => view({ outcome: 'failed' })),
  ...times(4, () => view({ outcome: 'left', arm: 'learned' })),
  ...times(3, () => view({ outcome: 'unobserved' })),
];
const VIEWS = [...DRIFTING, ...BETTER, ...ELSEWHERE, ...LONELY, ...NOT_STARTED];

/** What `/v1/qoe` would say of these views. */
function stallRatioOf(views: readonly SyntheticView[]): Metric {
  const pairs = views.map(({ stalledMs }): [number, number] => [stalledMs, stalledMs + PLAYED_MS]);
  const sum = (term: (x: number, y: number) => number) => pairs.reduce((total, [x, y]) => total + term(x, y), 0);
  return ratioOfSums('mean', [
    pairs.length,
    sum((x) => x),
    sum((_x, y) => y),
    sum((x) => x * x),
    sum((_x, y) => y * y),
    sum((x, y) => x * y),
  ]);
}

const halfWidthOf = ({ ci95 }: Metric): number => (ci95 === null ? Number.NaN : (ci95[1] - ci95[0]) / 2);

const COMPARISON_COLUMNS = [
  'context',
  'baseline views',
  'other views',
  'held baseline',
  'other arms',
  'difference',
  '95 % from',
  '95 % to',
];
const COLUMNS: Record<DashboardQuery['kind'], readonly [name: string | RegExp, type: RegExp][]> = {
  timeseries: [
    ['time', /^DateTime/],
    ['series', /String/],
    ['value', /^(Nullable\()?Float64/],
  ],
  stat: [['value', /^(Nullable\()?(Float|UInt)/]],
  table: COMPARISON_COLUMNS.map((name) => [name, name === 'context' ? /^String/ : /^(Nullable\()?(Float64|UInt64)/]),
  variable: [[/^(region|device|arm)$/, /String/]],
  annotation: [
    ['time', /^DateTime64/],
    ['title', /^String/],
    ['text', /^String/],
    ['tags', /^String/],
  ],
};

let engine: Engine;
const ask = (sql: string, choices: Choices) => engine.ask(expandMacros(sql, choices));

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine?.stop());

describe('the dashboard on a new installation', () => {
  it.each(sqlQueries())('asks nothing that fails where there is no data: $where', async ({ text }) => {
    await expect(ask(text, EVERYTHING)).resolves.toHaveProperty('data');
  });
});

describe('with views', () => {
  beforeAll(() => seed(engine.database, VIEWS));

  describe('the dashboard', () => {
    it.each(sqlQueries())('gets the columns and at least one row for $where', async ({ text, kind }) => {
      for (const choices of [EVERYTHING, SELECTION]) {
        const { meta, data } = await ask(text, choices);
        expect(data.length).toBeGreaterThan(0);
        expect(meta).toHaveLength(COLUMNS[kind].length);
        for (const [index, [name, type]] of COLUMNS[kind].entries()) {
          expect(meta[index]?.name).toMatch(name);
          expect(meta[index]?.type).toMatch(type);
        }
      }
    });

    it.each(sqlQueries().filter(({ kind }) => kind === 'timeseries'))(
      'gets points in order of time for $where',
      async ({ text }) => {
        const { data } = await ask(text, EVERYTHING);
        const instants = data.map((row) => String(row.time));
        expect(instants).toEqual([...instants].sort());
      },
    );

    it('shows the figures that /v1/qoe answers', async () => {
      const { reward } = defaultConfig({ createdAt: new Date(0).toISOString() });
      const [qoe] = await readQoe(
        engine.database,
        { from: new Date(EVERYTHING.fromMs), to: new Date(EVERYTHING.toMs), groupBy: [] },
        reward,
      );
      const figure = async (sql: string) => Number((await ask(sql, EVERYTHING)).data[0]?.value);
      for (const [name, metric] of Object.entries(VIEW_METRICS)) {
        const shown = (await ask(metricSql(metric), EVERYTHING)).data[0]?.value;
        const answered = qoe?.metrics[name]?.value;
        if (answered === null) expect(shown, name).toBeNull();
        else expect(Number(shown), name).toBeCloseTo(answered ?? Number.NaN, 9);
      }
      const median = qoe?.metrics.startupMsP50?.value ?? Number.NaN;
      expect((await figure(STARTUP_MEDIAN_SQL)) / median).toBeCloseTo(1, 1);
      expect(await figure(VIEW_COUNT_SQL)).toBe(VIEWS.length);
    });

    it('is narrowed by the regions and devices that are chosen', async () => {
      const { data } = await ask(VIEW_COUNT_SQL, SELECTION);
      expect(Number(data[0]?.value)).toBe(DRIFTING.length + NOT_STARTED.length);
    });
  });

  describe('an alert', () => {
    it.each(QOE_ALERTS)('sees the places that have enough plays, and no other: $title', async ({ metric }) => {
      const { meta, data } = await ask(alertSql(metric), EVERYTHING);
      expect(meta.map(({ name }) => name)).toEqual(['region', 'device', 'value']);
      // 20 views in DE and 2 in FR are too few to be woken for.
      expect(data.map(({ region }) => region).sort()).toEqual(['NO', 'SE']);
      for (const { value } of data) expect(Number.isFinite(value)).toBe(true);
    });

    it('is about the figure of that place', async () => {
      const { data } = await ask(alertSql(VIEW_METRICS.startFailureRatio), EVERYTHING);
      // Five of the 200 and nine more that were heard of; three were not.
      expect(data.find(({ region }) => region === 'NO')?.value).toBeCloseTo(5 / 209, 9);
    });
  });

  describe('learned against held baseline', () => {
    const compare = async (choices: Choices) => {
      const { data } = await ask(comparisonSql(VIEW_METRICS.stallRatio), choices);
      return new Map(data.map((row) => [String(row.context), row]));
    };

    it('is not fooled by a network that got better while the allocation moved', async () => {
      const row = (await compare(EVERYTHING)).get('NO · phone · cellular');
      expect(row?.['baseline views']).toBe(110);
      expect(row?.['other views']).toBe(90);
      // Bare averages would say 0.141 for the baseline and 0.022 for the others.
      expect(Number(row?.['held baseline'])).toBeCloseTo(6_000 / 66_000, 9);
      expect(Number(row?.difference)).toBeCloseTo(0, 9);
      expect(Number(row?.['95 % from'])).toBeLessThan(0);
      expect(Number(row?.['95 % to'])).toBeGreaterThan(0);
    });

    it('finds the difference that is there, with the interval of two independent ratios', async () => {
      const row = (await compare(EVERYTHING)).get('SE · desktop · wired');
      const held = stallRatioOf(BETTER.filter(({ arm }) => arm === 'baseline'));
      const others = stallRatioOf(BETTER.filter(({ arm }) => arm === 'learned'));
      const difference = (others.value ?? 0) - (held.value ?? 0);
      const halfWidth = Math.hypot(halfWidthOf(held), halfWidthOf(others));
      expect(Number(row?.['held baseline'])).toBeCloseTo(held.value ?? 0, 9);
      expect(Number(row?.['other arms'])).toBeCloseTo(others.value ?? 0, 9);
      const [from, to] = [Number(row?.['95 % from']), Number(row?.['95 % to'])];
      expect((from + to) / 2).toBeCloseTo(difference, 9);
      // Two digits: the quantile of the normal distribution is rounded differently here and there.
      expect((to - from) / 2 / halfWidth).toBeCloseTo(1, 2);
      expect(to).toBeLessThan(0);
    });

    it('gives no interval to a single view a side', async () => {
      const row = (await compare(EVERYTHING)).get('FR · tablet · wifi');
      expect(Number(row?.difference)).toBeGreaterThan(0);
      expect(row?.['95 % from']).toBeNull();
      expect(row?.['95 % to']).toBeNull();
    });

    it('counts only lift-panel assets unless asked for all randomised views', async () => {
      expect((await compare(EVERYTHING)).has('DE · tv · wired')).toBe(false);
      const all = await compare({ ...EVERYTHING, variables: { ...EVERYTHING.variables, panel: '0' } });
      expect(all.get('DE · tv · wired')?.['baseline views']).toBe(10);
      expect(all.get('all contexts')?.['baseline views']).toBe(110 + 50 + 10 + 1);
    });
  });
});
