import { describe, expect, it } from 'vitest';
import { type Allocation, announcementSchema } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { guardCounts, guardEvents, suspicionCounts, suspicions } from '../../src/policy/guard-events.ts';
import { CREATED_AT, gaussianStatistics, testArms, testConfig } from './policy-fixtures.ts';

const config = testConfig({ arms: testArms(3) });
const stamp = { config, seed: 1, allocationVersion: 2, createdAt: CREATED_AT, maturedViews: 0, previous: null };
const cold = coldAllocation({ config, seed: 1, allocationVersion: 1, createdAt: CREATED_AT });
const fitted = (harmed: number, allotments: Parameters<typeof buildAllocation>[0]['allotments'] = []): Allocation =>
  buildAllocation({
    ...stamp,
    allotments,
    statistics: config.arms.map(({ id }, index) =>
      gaussianStatistics({ arm: id, n: 300, mean: index === 2 ? harmed : 60 }),
    ),
  });

describe('guard events', () => {
  it('name the arm that was taken out, and where', () => {
    const events = guardEvents({ config, allocation: cold }, fitted(30));
    expect(announcementSchema.parse(events)).toEqual(events);
    expect(events).toMatchObject({ type: 'policy.guardrail', allocationVersion: 2, unnamed: 0, checks: [] });
    expect(events?.guards).toContainEqual({
      region: 'NO',
      device: 'phone',
      connection: 'cellular',
      level: 'cell',
      arm: 'arm-2',
      guard: 'harm',
      was: 'ok',
    });
  });

  it('are none while nothing changes, and name the arm that is let back in', () => {
    expect(guardEvents({ config, allocation: cold }, fitted(60))).toBeNull();
    expect(guardEvents({ config, allocation: fitted(30) }, fitted(30))).toBeNull();
    const back = guardEvents({ config, allocation: fitted(30) }, fitted(60));
    expect(back?.guards[0]).toMatchObject({ arm: 'arm-2', guard: 'ok', was: 'harm' });
  });

  it('name a check that newly fails, once', () => {
    const allotments = [{ arm: 'arm-1', observed: 500, expected: 1000, variance: 900 }];
    const suspect = fitted(60, allotments);
    expect(suspicions(suspect)).toEqual([{ arm: 'arm-1', check: 'sample-ratio' }]);
    expect(suspicionCounts(suspect).map(({ count }) => count)).toEqual([1, 0, 0, 0]);
    expect(guardEvents({ config, allocation: cold }, suspect)).toMatchObject({
      guards: [],
      checks: [{ arm: 'arm-1', check: 'sample-ratio' }],
    });
    expect(guardEvents({ config, allocation: suspect }, suspect)).toBeNull();
  });

  it('are counted by cell, every verdict by name', () => {
    expect(guardCounts(fitted(30))).toEqual([
      { guard: 'harm', count: 1 },
      { guard: 'stall', count: 0 },
      { guard: 'start-failure', count: 0 },
      { guard: 'missing', count: 0 },
    ]);
  });
});
