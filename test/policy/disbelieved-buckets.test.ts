import { describe, expect, it } from 'vitest';
import type { ViewStatistics } from '../../src/domain/index.ts';
import { cellEvidence } from '../../src/policy/cell-evidence.ts';
import { disbelievedBuckets } from '../../src/policy/disbelieved-buckets.ts';
import { learnedArms, poolStatistics } from '../../src/policy/pool-statistics.ts';
import type { Group } from '../../src/policy/robust-mean.ts';
import { statisticsOf, testArms, testConfig } from './policy-fixtures.ts';

const NOISE = 10;
const many = (mean: number, views = 1, count = 40): Group[] =>
  Array.from({ length: count }, (_, bucket) => ({ bucket, views, mean }));
const replaced = (groups: Group[], bucket: number, mean: number): Group[] =>
  groups.map((group) => (group.bucket === bucket ? { ...group, mean } : group));

describe('buckets that are not believed', () => {
  it('are those that say of some arm what nobody honest could', () => {
    const arms = [many(60), replaced(many(62), 7, -90)];
    expect([...disbelievedBuckets(arms, [60, 62], NOISE)]).toEqual([7]);
  });

  it('are none that may just have had a bad view', () => {
    const arms = [many(60), replaced(many(62), 7, -20)];
    expect(disbelievedBuckets(arms, [60, 62], NOISE).size).toBe(0);
  });

  it('are not busy ones that differ a little, however surely', () => {
    const arms = [replaced(many(60, 400), 7, 80), many(62)];
    expect(disbelievedBuckets(arms, [60, 62], NOISE).size).toBe(0);
  });

  it('are not told by an arm of which fewer than three were asked', () => {
    const arms = [many(60), replaced(many(62, 1, 2), 1, -90)];
    expect(disbelievedBuckets(arms, [60, 62], NOISE).size).toBe(0);
  });

  it('are none where they hold more views than a few liars could', () => {
    const arm = many(60).map((group) => (group.bucket % 3 === 0 ? { ...group, mean: -90 } : group));
    expect(disbelievedBuckets([arm], [60], NOISE).size).toBe(0);
  });
});

describe('a cell with liars in one block of twenty', () => {
  const config = testConfig({ arms: testArms(3) });
  const BLOCKS = 120;
  const lies = (bucket: number): boolean => bucket % 20 === 3;
  const row = (arm: string, bucket: number, quality: number): ViewStatistics =>
    statisticsOf({ arm, bucket }, [{ quality: quality + 12 * Math.sin(bucket * 5 + arm.length * 3) }]);
  const rows = (poisoned: boolean): ViewStatistics[] =>
    Array.from({ length: BLOCKS }, (_, bucket) => [
      row('baseline', bucket, 60),
      row('arm-1', bucket, poisoned && lies(bucket) ? -80 : 64),
      row('arm-2', bucket, poisoned && lies(bucket) ? 90 : 62),
    ]).flat();
  const evidence = (statistics: ViewStatistics[]) => {
    const [cell] = cellEvidence(poolStatistics(statistics, learnedArms(config), 1), config);
    if (!cell) throw new Error('no cell');
    return cell;
  };

  it('does not hear what they say in favour of another arm either', () => {
    const [honest, poisoned] = [evidence(rows(false)), evidence(rows(true))];
    expect(honest.disbelieved.size).toBe(0);
    expect([...poisoned.disbelieved].every(lies)).toBe(true);
    expect(poisoned.disbelieved.size).toBe(BLOCKS / 20);
    // By itself 28 points too much is within an honest view's reach, and would count.
    const lifted = evidence(rows(true).filter(({ arm }) => arm !== 'arm-1'));
    expect((lifted.means[2] ?? 0) - (honest.means[2] ?? 0)).toBeGreaterThan(0.5);
    for (const arm of [0, 1, 2])
      expect(Math.abs((poisoned.means[arm] ?? 0) - (honest.means[arm] ?? 0))).toBeLessThan(0.5);
  });

  it('takes an arm that only they were given for one that nobody was given', () => {
    const only = evidence(rows(true).filter(({ arm, bucket }) => arm !== 'arm-2' || lies(bucket)));
    expect(only.disbelieved.size).toBe(BLOCKS / 20);
    expect([only.views[2], only.means[2]]).toEqual([0, 0]);
    expect(only.views[0]).toBe(BLOCKS - BLOCKS / 20);
  });
});
