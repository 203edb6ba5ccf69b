import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Context, DecisionRecord } from '../../../src/domain/index.ts';
import { defaultConfig } from '../../../src/policy/ladder-families.ts';
import { findDecisions } from '../../../src/telemetry/decision-row.ts';
import { readLoggedViews } from '../../../src/telemetry/read-logged-views.ts';
import { readTrial } from '../../../src/telemetry/read-trial.ts';
import { startTestDatabase, type TestDatabase } from '../../fixtures/clickhouse.ts';
import { insertViews, type WrittenView } from './fixtures/insert-views.ts';

const { reward } = defaultConfig({ createdAt: '2026-03-01T12:00:00.000Z' });
const NOW_MS = Date.now();
const SINCE = new Date(NOW_MS - 3_600_000);
const PHONE: Context = { region: 'NO', device: 'phone', connection: 'cellular' };
const asked = { reward, viewTimeoutMs: 300_000 };

let engine: TestDatabase;
beforeAll(async () => {
  engine = await startTestDatabase();
  await insertViews(engine.database, [
    view('before', { configVersion: 1 }),
    view('control', { configVersion: 1, rollout: { trialVersion: 2, stage: 'canary', share: 0.95 } }, 4_000),
    view('other-trial', { configVersion: 1, rollout: { trialVersion: 3, stage: 'canary', share: 0.95 } }),
    view('candidate', { configVersion: 2, rollout: { trialVersion: 2, stage: 'canary', share: 0.05 } }),
    { ...view('silent', { configVersion: 2, rollout: { trialVersion: 2, stage: 'canary', share: 0.05 } }), told: [] },
    view('later', { configVersion: 2, rollout: { trialVersion: 2, stage: 'ramp', share: 0.25 } }),
    view('pinned', { configVersion: 2, reason: 'pin', rollout: { trialVersion: 2, stage: 'ramp', share: 0.25 } }),
    failed('broken', { configVersion: 2, rollout: { trialVersion: 2, stage: 'ramp', share: 0.25 } }),
    ...Array.from({ length: 60 }, (_, n) =>
      view(`block-${n}`, {
        configVersion: 1,
        block: 'busy',
        rollout: { trialVersion: 2, stage: 'ramp', share: 0.75 },
      }),
    ),
  ]);
});
afterAll(() => engine.stop());

const base = (viewId: string, decision: Partial<DecisionRecord>) => ({
  viewId,
  atMs: NOW_MS - 60_000,
  context: PHONE,
  decided: { arm: 'baseline' },
  decision,
});

/** A minute with the middle rung (80 points, 1 Mbit/s), half a second to start. */
function view(viewId: string, decision: Partial<DecisionRecord>, stalledMs = 0): WrittenView {
  const playedMs = 60_000 - stalledMs;
  const ended = { type: 'view_end' as const, playedMs, stalledMs, startupMs: 500, rungMs: { mid: playedMs } };
  return { ...base(viewId, decision), told: [ended] };
}

function failed(viewId: string, decision: Partial<DecisionRecord>): WrittenView {
  return { ...base(viewId, decision), told: [{ type: 'error', code: 'manifest', fatal: true, message: '' }] };
}

const POINTS = 80 - 0.5 - 2;

describe('both sides of a trial', () => {
  it('are the views of that trial by the config that decided them, at the share they were drawn at', async () => {
    const groups = await readTrial(engine.database, { configVersion: 2, since: SINCE, ...asked });
    const told = groups.map(({ candidate, candidateShare, moments, decided, heard, failedToStart }) => [
      candidateShare,
      candidate,
      Math.round(moments[0]),
      Math.round(decided),
      Math.round(heard),
      failedToStart,
    ]);
    expect(told).toEqual([
      [0.05, false, 1, 1, 1, 0],
      [0.05, true, 1, 2, 1, 0],
      [0.25, false, 30, 30, 30, 0],
      [0.25, true, 1, 2, 2, 1],
    ]);
  });

  it('are summed up by the reward asked for, and by stalled and watched seconds', async () => {
    const [control, candidate] = await readTrial(engine.database, { configVersion: 2, since: SINCE, ...asked });
    expect(candidate?.moments[1]).toBeCloseTo(POINTS, 4);
    expect(candidate?.moments[2]).toBeCloseTo(POINTS ** 2, 2);
    expect(control?.moments[1]).toBeCloseTo(POINTS - 200 * (4 / 60), 4);
    expect(control?.stall).toEqual([4, 60, 16, 240, 3600]);
  });
});

describe('logged views', () => {
  it('are those that other configs decided by chance, with all that was eligible', async () => {
    const views = await readLoggedViews(engine.database, { since: SINCE, exceptConfig: 2, ...asked });
    expect(views).toHaveLength(63);
    expect(views[0]).toMatchObject({
      context: PHONE,
      arm: 'baseline',
      setHash: 'baseline',
      propensity: 0.5,
      eligible: [
        { arm: 'baseline', propensity: 0.5, setHash: 'baseline' },
        { arm: 'other', propensity: 0.5, setHash: 'other' },
      ],
    });
    const some = await readLoggedViews(engine.database, { since: SINCE, exceptConfig: 2, maxViews: 5, ...asked });
    expect(some).toHaveLength(5);
  });
});

describe('a decision read back', () => {
  it('says which trial it was part of', async () => {
    const [candidate] = await findDecisions(engine.database, ['candidate']);
    expect(candidate?.rollout).toEqual({ trialVersion: 2, stage: 'canary', share: 0.05 });
    const [before] = await findDecisions(engine.database, ['before']);
    expect(before).not.toHaveProperty('rollout');
  });
});
