import { describe, expect, it } from 'vitest';
import type { Allocation } from '../../src/domain/index.ts';
import { announcementSchema } from '../../src/domain/index.ts';
import { coldAllocation } from '../../src/policy/allocate.ts';
import { changeEvents } from '../../src/policy/change-events.ts';
import { CREATED_AT, FAST, PHONE, testConfig } from './policy-fixtures.ts';

const allocation = coldAllocation({ config: testConfig(), seed: 1, allocationVersion: 3, createdAt: CREATED_AT });
const change = (ageDays: number, context = PHONE): NonNullable<Allocation['changes']>[number] => ({
  context,
  ageDays,
  moved: 'throughput',
  standardErrors: 9,
});
const found = (before: Allocation['changes'], changes: Allocation['changes']) =>
  changeEvents({ changes: before }, { ...allocation, changes });

describe('a cell that changed', () => {
  it('is announced once, with what moved and since when', () => {
    const event = found(undefined, [change(2)]);
    expect(announcementSchema.parse(event)).toEqual(event);
    expect(event).toMatchObject({ allocationVersion: 3, changes: [{ ...PHONE, moved: 'throughput', ageDays: 2 }] });
    expect(found([change(2)], [change(2)])).toBeNull();
    expect(found([change(2)], [change(3)])).toBeNull();
    expect(found(undefined, undefined)).toBeNull();
  });

  it('is announced again when it changes again, and beside others only itself', () => {
    expect(found([change(20), change(9, FAST)], [change(1), change(10, FAST)])?.changes).toEqual([
      { ...PHONE, moved: 'throughput', ageDays: 1 },
    ]);
  });

  it('is counted where there are too many to name', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      change(1, { ...PHONE, region: String.fromCharCode(65 + (index % 26), 65 + Math.floor(index / 26)) }),
    );
    expect(found([], many)).toMatchObject({ unnamed: 10 });
  });
});
