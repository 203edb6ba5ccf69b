import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { QOE_KEYS, type QoeGroup, type QoeQuery, readQoe } from '../../../src/telemetry/qoe.ts';
import { MIN_PLAYS } from '../../../src/telemetry/qoe-intervals.ts';
import { QOE_METRICS } from '../../../src/telemetry/qoe-metrics.ts';
import { rankSql, STARTUP_QUANTILES, startupBinSql } from '../../../src/telemetry/startup-quantiles.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { insertViews, type WrittenView } from './fixtures/insert-views.ts';

const HOUR_MS = 3_600_000;
const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
/** Ten past an hour that is over. */
const FIRST_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS + 600_000;
const SECOND_MS = FIRST_MS + HOUR_MS;
const NORWAY = { region: 'NO', device: 'phone', connection: 'cellular' } as const;
const SWEDEN = { region: 'SE', device: 'tv', connection: 'wired' } as const;

const view = (viewId: string, part: Partial<WrittenView>): WrittenView => ({
  viewId,
  atMs: FIRST_MS,
  context: NORWAY,
  decided: { arm: 'baseline' },
  told: [],
  ...part,
});

/**
 * A dozen views. Renditions low 360p 400 kbit/s quality 60, mid 540p 1000 kbit/s 80, high 1080p 2000 kbit/s 99 (counts as 95).
 * 7 started (smooth, stalling, seeking, blind, broken, stranger, frozen), 2 failed, 1 left, 2 were never heard of.
 */
const VIEWS: WrittenView[] = [
  view('smooth', {
    told: [
      {
        type: 'view_end',
        startupMs: 1000,
        playedMs: 60_000,
        bytes: 6_000_000,
        rungMs: { low: 60_000 },
        viewportHeight: 720,
      },
    ],
  }),
  view('stalling', {
    told: [
      {
        type: 'view_end',
        startupMs: 2000,
        playedMs: 120_000,
        stalledMs: 10_000,
        stallCount: 2,
        bytes: 30_000_000,
        rungMs: { low: 60_000, high: 60_000 },
        switchesUp: 1,
        droppedFrames: 60,
        viewportHeight: 720,
      },
    ],
  }),
  // Tells neither bytes nor a viewport.
  view('seeking', {
    atMs: SECOND_MS,
    decided: { arm: 'other' },
    told: [{ type: 'view_end', startupMs: 5001, playedMs: 30_000, seekStalledMs: 5000, rungMs: { high: 30_000 } }],
  }),
  // Tells no startup, and plays what nobody decided.
  view('blind', {
    told: [{ type: 'progress', playedMs: 20_000, bytes: 1_000_000, rungMs: { mystery: 20_000 }, viewportHeight: 360 }],
  }),
  view('broken', {
    told: [
      {
        type: 'progress',
        startupMs: 3000,
        playedMs: 10_000,
        bytes: 1_250_000,
        rungMs: { mid: 10_000 },
        viewportHeight: 540,
      },
      { type: 'error', code: 'decode', fatal: true },
    ],
  }),
  view('failed at once', { told: [{ type: 'view_start' }, { type: 'error', code: 'manifest', fatal: true }] }),
  view('failed silently', { told: [{ type: 'error', code: 'drm', fatal: true }] }),
  view('left', { told: [{ type: 'view_start' }] }),
  view('unobserved', {}),
  view('unobserved elsewhere', { assetId: 'a_2' }),
  view('stranger', {
    decided: null,
    context: SWEDEN,
    told: [{ type: 'view_end', startupMs: 500, playedMs: 40_000, bytes: 4_000_000, rungMs: { high: 40_000 } }],
  }),
  view('frozen', {
    assetId: 'a_2',
    told: [{ type: 'view_end', startupMs: 8000, playedMs: 0, stalledMs: 4000, stallCount: 1 }],
  }),
];

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
  await insertViews(engine.database, VIEWS);
});
afterAll(() => engine?.stop());

const WINDOW = { from: new Date(FIRST_MS - HOUR_MS), to: new Date(SECOND_MS + HOUR_MS) };
const ask = (query: Partial<QoeQuery>) => readQoe(engine.database, { ...WINDOW, groupBy: [], ...query }, reward);
async function one(query: Partial<QoeQuery> = {}): Promise<QoeGroup> {
  const groups = await ask(query);
  expect(groups).toHaveLength(1);
  return groups[0] as QoeGroup;
}

/** Σ numerator, Σ denominator, views, by hand. */
const BY_HAND: Record<(typeof QOE_METRICS)[number]['name'] | 'reward', [number, number, number]> = {
  // stalling 10,000 + frozen 4,000; played 60 + 120 + 30 + 20 + 10 + 40 + 0 s = 280,000.
  stallRatio: [14_000, 294_000, 7],
  // and 5,000 by seeking.
  rebufferingRatio: [19_000, 299_000, 7],
  // Startups 1,000 + 2,000 + 5,001 + 0 + 3,000 + 500 + 8,000 = 19,501.
  ctaStalledTimeRatio: [14_000, 313_501, 7],
  // 2 + 1 stalls in 294 s.
  stallsPerMinute: [3, 4.9, 7],
  stalledViewRatio: [2, 7, 7],
  // Not blind, which told none.
  startupMsMean: [19_501, 6, 6],
  // broken and the two that failed, of the ten heard of.
  playbackFailureRatio: [3, 10, 10],
  startFailureRatio: [2, 10, 10],
  exitBeforeStartRatio: [1, 10, 10],
  // Of the eleven decided.
  unobservedRatio: [2, 11, 11],
  // All of them told.
  estimatedRatio: [0, 10, 10],
  // stalling tells of 130 s in the moment it was decided; a minute is let pass.
  implausibleRatio: [1, 10, 10],
  // 60 s × 60 + (60 s × 60 + 60 s × 95) + 30 s × 95 + 10 s × 80; blind and stranger are on unknown renditions.
  seenQuality: [16_550_000, 220_000, 4],
  // 48,000 + 240,000 + (30 s × 2,000) + 8,000 + 10,000 + 32,000 kbit; frozen did not play.
  bitrateKbps: [398_000_000, 280_000, 6],
  // The same bits ÷ 8.
  bytesPerView: [49_750_000, 7, 7],
  playedMsPerView: [280_000, 7, 7],
  switchesPerMinute: [1, 280 / 60, 6],
  // smooth, stalling, broken: 60 + 120 + 10 s; 720 is above 360 for 60 + 60 s, twice as high; broken fits exactly.
  upscaledTimeRatio: [120_000, 190_000, 3],
  upscaleFactor: [120_000, 190_000, 3],
  // stalling's 60 s on 1080p at 720: half as high again.
  downscaledTimeRatio: [60_000, 190_000, 3],
  downscaleFactor: [30_000, 190_000, 3],
  droppedFramesPerHour: [60, 280 / 3600, 6],
  // smooth 60 − 1 − 2 × 0.8 = 57.4; stalling 77.5 − 200 × 10/130 − 2 − 0.5 × 1/2 − 2 × 2; seeking 95 − 5.001 − 2 × 2;
  // broken 80 − 3 − 2 × 1: it started, so its error is no failure to start.
  reward: [57.4 + (77.5 - 2000 / 130 - 2 - 0.25 - 4) + 85.999 + 75, 4, 4],
};

describe('each metric', () => {
  it.each(Object.entries(BY_HAND))('is what one computes by hand: %s', async (name, [numerator, denominator, n]) => {
    const metric = (await one()).metrics[name];
    expect(metric?.n).toBe(n);
    expect(metric?.numerator).toBeCloseTo(numerator, 4);
    expect(metric?.denominator).toBeCloseTo(denominator, 6);
    expect(metric?.value).toBeCloseTo(numerator / denominator, 6);
  });

  it('is in the answer, and nothing that nobody declared', async () => {
    const { metrics } = await one();
    expect(Object.keys(metrics).sort()).toEqual(
      [...QOE_METRICS.map(({ name }) => name), ...Object.keys(STARTUP_QUANTILES), 'reward'].sort(),
    );
  });

  it('has an interval around its value, and says that so few views are not enough', async () => {
    for (const [name, { value, ci95, enough }] of Object.entries((await one()).metrics)) {
      expect(enough, name).toBe(false);
      if (name.startsWith('startupMsP')) continue;
      expect(ci95?.[0], name).toBeLessThanOrEqual(value ?? Number.NaN);
      expect(ci95?.[1], name).toBeGreaterThanOrEqual(value ?? Number.NaN);
    }
  });
});

describe('startup quantiles', () => {
  it('are order statistics, with bounds only where the sample holds them', async () => {
    // 500, 1,000, 2,000, 3,000, 5,000 (the bin of 5,001), 8,000: ranks ⌈np⌉ 3, 5, 6, 6; bounds of the median ranks 1 and 6.
    const { metrics } = await one();
    expect(metrics.startupMsP50).toMatchObject({ value: 2000, ci95: [500, 8000], n: 6 });
    expect(metrics.startupMsP75).toMatchObject({ value: 5000, ci95: null, n: 6 });
    expect(metrics.startupMsP95).toMatchObject({ value: 8000, ci95: null, n: 6 });
    expect(metrics.startupMsP99).toMatchObject({ value: 8000, ci95: null, n: 6 });
  });

  it('count each ms apart below 4,096, and above that lose at most one part in 2,048', async () => {
    const times = [0, 1, 2, 3, 4094, 4095, 4096, 4097, 5001, 8191, 8192, 10_000, 60_001, 604_800_000];
    const [row] = await engine.database.query<{ bins: number[] }>(
      `SELECT arrayMap(ms -> ${startupBinSql('ms')}, arrayMap(ms -> toUInt32(ms), [${times.join(', ')}])) AS bins`,
    );
    for (const [index, ms] of times.entries()) {
      const bin = row?.bins[index] ?? Number.NaN;
      expect(bin).toBeLessThanOrEqual(ms);
      expect(ms - bin).toBeLessThanOrEqual(ms < 4096 ? 0 : ms / 2048);
    }
  });

  it.each(Object.entries(STARTUP_QUANTILES))('have bounds that cover at least 95 %%: %s', async (_name, level) => {
    const [value, low, high] = rankSql(level, 'n');
    const rows = await engine.database.query<{ n: number; value: number; low: number; high: number }>(
      `SELECT n, ${value} AS value, ${low} AS low, ${high} AS high FROM
       (SELECT toUInt64(number + 1) AS n FROM numbers(150) UNION ALL SELECT toUInt64(150 + 37 * number) FROM numbers(1, 80))`,
    );
    const bounded = rows.filter((row) => row.low >= 1 && row.high <= row.n);
    expect(bounded.length).toBeGreaterThan(50);
    for (const row of bounded) expect(coverage(row, level), `n = ${row.n}`).toBeGreaterThan(0.95);
    for (const row of rows) expect(row.value).toBe(Math.ceil(row.n * level - 1e-9));
  });
});

/** P(the quantile lies between the order statistics of these ranks): the number of views below it is binomial. */
function coverage({ n, low, high }: { n: number; low: number; high: number }, level: number): number {
  let [logP, total] = [n * Math.log(1 - level), 0];
  for (let below = 0; below < high; below += 1) {
    if (below >= low) total += Math.exp(logP);
    logP += Math.log((n - below) / (below + 1)) + Math.log(level / (1 - level));
  }
  return total;
}

describe('playing time', () => {
  it('is told per rendition and per height, with shares that add up to 1', async () => {
    const { rungMs, heightMs } = await one();
    expect(rungMs).toEqual({
      high: { ms: 130_000, share: 130 / 280 },
      low: { ms: 120_000, share: 120 / 280 },
      mystery: { ms: 20_000, share: 20 / 280 },
      mid: { ms: 10_000, share: 10 / 280 },
    });
    // The stranger's renditions were never decided: nobody knows how high they are.
    expect(heightMs).toEqual({
      360: { ms: 120_000, share: 120 / 280 },
      1080: { ms: 90_000, share: 90 / 280 },
      unknown: { ms: 60_000, share: 60 / 280 },
      540: { ms: 10_000, share: 10 / 280 },
    });
  });
});

describe('groups', () => {
  it('hold every view once, by any key and by all of them', async () => {
    const keys = QOE_KEYS;
    for (const groupBy of [...keys.map((key) => [key]), keys]) {
      const groups = await ask({ groupBy });
      expect(groups.reduce((sum, { views }) => sum + views, 0)).toBe(VIEWS.length);
      for (const { views, started, failedToStart, leftBeforeStart, unobserved } of groups)
        expect(started + failedToStart + leftBeforeStart + unobserved).toBe(views);
    }
  });

  it('are those of the decision, and of the events where nothing was decided', async () => {
    const groups = await ask({ groupBy: ['region', 'arm', 'hour'] });
    const hour = (ms: number) => `${new Date(ms).toISOString().slice(0, 13)}:00:00Z`;
    expect(groups.map(({ region, arm, hour: at, views }) => [region, arm, at, views])).toEqual([
      ['NO', 'baseline', hour(FIRST_MS), 10],
      ['NO', 'other', hour(SECOND_MS), 1],
      ['SE', '', hour(FIRST_MS), 1],
    ]);
  });

  it('have their own figures', async () => {
    const groups = await ask({ groupBy: ['assetId'] });
    expect(groups.map(({ assetId, views, started }) => [assetId, views, started])).toEqual([
      ['a_1', 10, 6],
      ['a_2', 2, 1],
    ]);
    expect(groups[1]?.metrics.stallRatio).toMatchObject({ value: 1, numerator: 4000, denominator: 4000, n: 1 });
    expect(groups[1]?.rungMs).toEqual({});
  });

  it('may be narrowed to an asset', async () => {
    expect((await one({ assetId: 'a_2' })).views).toBe(2);
    expect(await ask({ assetId: "' OR 1 = 1 --", groupBy: ['assetId'] })).toEqual([]);
  });
});

describe('a window', () => {
  it('begins with its first moment and ends before its last', async () => {
    expect((await one({ from: new Date(FIRST_MS), to: new Date(SECOND_MS) })).views).toBe(11);
    expect((await one({ from: new Date(FIRST_MS + 1), to: new Date(SECOND_MS + 1) })).views).toBe(1);
  });

  it.each([
    ['in which nothing began', { from: new Date(FIRST_MS - HOUR_MS), to: new Date(FIRST_MS) }],
    ['of no length', { from: new Date(FIRST_MS), to: new Date(FIRST_MS) }],
    ['of long ago', { from: new Date('0001-01-01T00:00:00Z'), to: new Date('1969-12-31T23:59:59Z') }],
    ['far ahead', { from: new Date('2200-01-01T00:00:00Z'), to: new Date('9999-12-31T23:59:59Z') }],
  ])('%s is a group of no views, without any figure, or no group', async (_what, window) => {
    const { views, metrics, rungMs } = await one(window);
    expect(views).toBe(0);
    expect(rungMs).toEqual({});
    for (const metric of Object.values(metrics))
      expect(metric).toEqual({ value: null, numerator: 0, denominator: 0, ci95: null, n: 0, enough: false });
    expect(await ask({ ...window, groupBy: ['region'] })).toEqual([]);
  });

  it('may be as long as time', async () => {
    const ever = { from: new Date('0001-01-01T00:00:00Z'), to: new Date('9999-12-31T23:59:59Z') };
    expect((await one(ever)).views).toBe(VIEWS.length);
  });
});

describe('the gate', () => {
  it(`opens at ${MIN_PLAYS} plays, not at ${MIN_PLAYS} views`, async () => {
    const started = (count: number, region: string) =>
      Array.from({ length: count }, (_, index) =>
        view(`${region}-${index}`, {
          atMs: SECOND_MS,
          context: { ...NORWAY, region },
          told: [{ type: 'view_end', startupMs: 100 + index, playedMs: 5000 }],
        }),
      );
    const silent = Array.from({ length: 30 }, (_, index) =>
      view(`FI-silent-${index}`, { atMs: SECOND_MS, context: { ...NORWAY, region: 'FI' } }),
    );
    await insertViews(engine.database, [...started(25, 'DK'), ...started(24, 'FI'), ...silent], 'gate');
    const groups = await ask({ groupBy: ['region'] });
    const of = (region: string) => groups.find((group) => group.region === region);
    expect(of('DK')?.metrics.stallRatio).toMatchObject({ n: 25, enough: true });
    expect(of('FI')?.views).toBe(54);
    expect(of('FI')?.metrics.stallRatio).toMatchObject({ value: 0, n: 24, enough: false });
    expect(of('DK')?.metrics.startupMsP50).toMatchObject({ value: 112, enough: true });
  });
});
