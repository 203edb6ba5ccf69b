import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecisionRecord, TelemetryEvent, VIEW_COMPONENTS, ViewStatistics } from '../../../src/domain/index.ts';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { momentOf, rewardMoments } from '../../../src/policy/reward.ts';
import { toDecisionRow } from '../../../src/telemetry/decision-row.ts';
import { FOLD_ALL_SQL } from '../../../src/telemetry/outcome-fold.ts';
import { type QoeGroup, readQoe } from '../../../src/telemetry/qoe.ts';
import { readAudienceViews } from '../../../src/telemetry/read-audience.ts';
import { readRateQuality } from '../../../src/telemetry/read-rate-quality.ts';
import { countMaturedViews, readViewStatistics } from '../../../src/telemetry/read-statistics.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { toEventRow } from '../../fixtures/event-row.ts';

const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
const VIEW_TIMEOUT_MS = 300_000;
const NOW_MS = Date.now();
const LONG_AGO_MS = NOW_MS - 2 * VIEW_TIMEOUT_MS;
const context = { region: 'NO', device: 'phone', connection: 'cellular' } as const;

let engine: TestDatabase;
let directory: string;
beforeAll(async () => {
  engine = await startTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'nara-statistics-'));
  await fill();
});
afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true });
});

function decision(viewId: string, of: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    viewId,
    sessionId: `s-${viewId}`,
    assetId: 'a_1',
    generation: 0,
    decidedAt: new Date(LONG_AGO_MS).toISOString(),
    configVersion: 1,
    allocationVersion: 1,
    revision: 2,
    context,
    fallbackLevel: 'cell',
    arm: 'baseline',
    setHash: 'x',
    propensity: 0.5,
    eligible: [
      { arm: 'baseline', propensity: 0.5, setHash: 'x' },
      { arm: 'other', propensity: 0.5, setHash: 'y' },
    ],
    reason: 'learned',
    rungs: [{ renditionId: 'low', width: 640, height: 360, bitrateKbps: 400 }],
    covariates: { throughputKbps: Math.E * 1000 },
    owner: 'ann',
    block: '',
    liftPanel: true,
    holdout: false,
    complexityScale: 1,
    renditions: [
      { id: 'low', bitrateKbps: 400, quality: 60 },
      { id: 'high', bitrateKbps: 2000, quality: 99 },
    ],
    ...of,
  };
}

type Told = { viewId: string; event: TelemetryEvent; receivedAtMs: number };

function ended(viewId: string, of: Partial<Extract<TelemetryEvent, { type: 'view_end' }>> = {}): Told {
  const event: TelemetryEvent = {
    type: 'view_end',
    eventId: 'end',
    sessionId: `s-${viewId}`,
    assetId: 'a_1',
    ts: new Date(NOW_MS).toISOString(),
    playedMs: 60_000,
    stalledMs: 0,
    startupMs: 2_000,
    bytes: 6_000_000,
    rungMs: { low: 30_000, high: 30_000 },
    switchesUp: 1,
    ...of,
  };
  return { viewId, event, receivedAtMs: NOW_MS };
}

async function insert(table: string, rows: Record<string, unknown>[]): Promise<void> {
  const path = join(directory, table);
  await writeFile(path, rows.map((row) => `${JSON.stringify({ segment: 'seed', ...row })}\n`).join(''));
  await engine.database.insertFile(table, path, `seed ${table}`);
}

async function fill(): Promise<void> {
  const justNow = new Date(NOW_MS).toISOString();
  const onlyOne = [{ arm: 'baseline', propensity: 1, setHash: 'x' }];
  const decisions = [
    decision('v1'),
    decision('v2'),
    decision('other', { arm: 'other', setHash: 'y' }),
    decision('pinned', { reason: 'pin' }),
    decision('no-choice', { eligible: onlyOne, propensity: 1 }),
    decision('open', { decidedAt: justNow }),
    decision('failed'),
    decision('left'),
    decision('silent'),
    decision('unmeasured', { renditions: [{ id: 'low', bitrateKbps: 400, quality: null }] }),
  ];
  const about = (viewId: string, event: Partial<TelemetryEvent>): Told => {
    const { sessionId, assetId, ts } = ended(viewId).event;
    return {
      viewId,
      event: { eventId: 'e', sessionId, assetId, ts, ...event } as TelemetryEvent,
      receivedAtMs: LONG_AGO_MS,
    };
  };
  const told = [
    ended('v1'),
    ended('v2', { stalledMs: 90_000, stallCount: 3, startupMs: 40_000, bytes: 0 }),
    ended('other', { rungMs: { high: 60_000 } }),
    ended('pinned'),
    ended('no-choice'),
    { ...about('open', { type: 'progress', playedMs: 5000, rungMs: { low: 5000 } }), receivedAtMs: NOW_MS },
    about('failed', { type: 'error', code: 'manifest', fatal: true }),
    about('left', { type: 'view_start' }),
    ended('unmeasured', { rungMs: { low: 60_000 } }),
    ended('never decided'),
  ];
  await insert('decisions', decisions.map(toDecisionRow));
  const rows = told.map(({ viewId, event, receivedAtMs }) =>
    toEventRow(event, { viewId, context, receivedAtMs, source: 'beacon', block: '', trusted: false }),
  );
  await insert('events', rows);
  await engine.database.command(FOLD_ALL_SQL);
}

async function statisticsByArm(): Promise<Map<string, ViewStatistics>> {
  // One row asked for: everything is merged that can be.
  const rows = await readViewStatistics(engine.database, { reward, viewTimeoutMs: VIEW_TIMEOUT_MS, maxRows: 1 });
  return new Map(rows.map((row) => [row.arm, row]));
}

describe('view statistics', () => {
  it('hold the clipped components of the randomised, ended, started views, and nothing of the rest', async () => {
    const baseline = (await statisticsByArm()).get('baseline');
    if (!baseline) throw new Error('no statistics of the baseline');
    expect(baseline.context).toEqual(context);
    const sum = (component: (typeof VIEW_COMPONENTS)[number]) => momentOf(baseline, 'one', component);
    expect(sum('one')).toBe(2);
    expect(sum('throughput')).toBeCloseTo(2, 6);
    // Its line holds the better of two renditions, 60 and 99: half of 95, half of their mean with 99 capped.
    expect(sum('prospect')).toBeCloseTo(2 * ((95 + 77.5) / 2), 6);
    // Half the time at quality 60, half at 99, which is capped at 95.
    expect(sum('quality')).toBeCloseTo(2 * 77.5, 5);
    expect(sum('stall')).toBeCloseTo(0.5, 9);
    expect(sum('startup')).toBeCloseTo(2 + 10, 9);
    expect(sum('switches')).toBeCloseTo(2, 9);
    // The first from its bytes, the second, which told none, from its renditions' bitrates.
    expect(sum('mbps')).toBeCloseTo(0.8 + 1.2, 5);
    expect(sum('failure')).toBe(0);
    expect(momentOf(baseline, 'startup', 'startup')).toBeCloseTo(4 + 100, 9);
    expect([baseline.stalledMs, baseline.playedMs]).toEqual([90_000, 120_000]);
  });

  it('count every way not to start apart, and decided views without any', async () => {
    expect((await statisticsByArm()).get('baseline')).toMatchObject({
      decided: 7,
      failedToStart: 1,
      leftBeforeStart: 1,
      unobserved: 1,
    });
  });

  it('come with what renditions of about a bitrate look like on a device', async () => {
    const curves = await readRateQuality(engine.database, LONG_AGO_MS);
    const curve = curves.get(context.device)?.map(({ kbps, points }) => [Math.round(kbps), points]);
    expect(curve).toEqual([
      [362, 60],
      [2048, 99],
    ]);
  });

  it('make the same reward as the policy computes by hand', async () => {
    const other = (await statisticsByArm()).get('other');
    if (!other) throw new Error('no statistics of the other arm');
    const { n, sumR } = rewardMoments(other, reward);
    expect(n).toBe(1);
    expect(sumR).toBeCloseTo(95 - 2 - 0.5 - 2 * 0.8, 5);
  });

  it('call a view mature when it has ended or been silent long enough', async () => {
    expect(await countMaturedViews(engine.database, VIEW_TIMEOUT_MS)).toBe(9);
  });
});

describe('QoE', () => {
  const window = { from: new Date(NOW_MS - 3_600_000), to: new Date(NOW_MS + 60_000) };
  const all = async (): Promise<QoeGroup> => {
    const [group] = await readQoe(engine.database, { ...window, groupBy: [] }, reward);
    if (!group) throw new Error('no group');
    return group;
  };

  it('counts every view once, in one of four classes', async () => {
    const { views, started, failedToStart, leftBeforeStart, unobserved } = await all();
    expect({ views, started, failedToStart, leftBeforeStart, unobserved }).toEqual({
      views: 11,
      started: 8,
      failedToStart: 1,
      leftBeforeStart: 1,
      unobserved: 1,
    });
  });

  it('gives each figure with what it was made of', async () => {
    const { metrics } = await all();
    expect(metrics.stallRatio).toMatchObject({
      numerator: 90_000,
      denominator: 6 * 60_000 + 65_000 + 90_000 - 0,
      n: 8,
    });
    expect(metrics.stallRatio?.value).toBeCloseTo(90_000 / 515_000, 9);
    // Two views are on renditions nobody measured or decided: their quality is unknown, not zero.
    expect(metrics.seenQuality?.n).toBe(6);
    expect(metrics.startupMsP50?.value).toBeCloseTo(2_000, -1);
    expect(metrics.reward?.n).toBe(6);
  });

  it('groups by any key, and a window that is over holds nothing', async () => {
    const groups = await readQoe(
      engine.database,
      { ...window, groupBy: ['arm', 'region', 'device', 'connection', 'assetId', 'hour'] },
      reward,
    );
    expect(groups.reduce((sum, { views }) => sum + views, 0)).toBe(11);
    expect(new Set(groups.map(({ arm }) => arm))).toEqual(new Set(['baseline', 'other', '']));
    expect(await readQoe(engine.database, { from: new Date(0), to: new Date(1000), groupBy: ['arm'] }, reward)).toEqual(
      [],
    );
  });
});

describe('the audience', () => {
  it('is counted over started views, for the owner, the region and everyone', async () => {
    const { owner, region, everyone } = await readAudienceViews(engine.database, 'ann', 'NO');
    expect(owner.contexts).toMatchObject([{ ...context, views: 7 }]);
    expect(region.contexts).toMatchObject([{ ...context, views: 8 }]);
    expect(everyone.contexts).toEqual(region.contexts);
    expect(owner.assets).toBeGreaterThan(0);
    const nobody = await readAudienceViews(engine.database, 'nobody', 'SE');
    expect(nobody).toMatchObject({ owner: { contexts: [], assets: 0 }, region: { contexts: [], assets: 0 } });
  });

  it('tells how long it played, and over which lines, as far as they told', async () => {
    const { owner } = await readAudienceViews(engine.database, 'ann', 'NO');
    const [found] = owner.contexts;
    expect(found?.playedSeconds).toBeGreaterThan(0);
    expect(found?.lines.every(([kbps, views]) => kbps > 0 && views > 0)).toBe(true);
    expect(found?.lines.length).toBeGreaterThan(0);
  });
});
