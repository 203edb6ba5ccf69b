import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventHasher } from '../../src/telemetry/event-id-set.ts';
import { RecentEvents } from '../../src/telemetry/recent-events.ts';

/** Whether an event is known, asked in a batch that is never stored. */
const isKnown = (recent: RecentEvents, viewId: string, eventId: string): boolean =>
  recent.isRepeat(recent.begin(), viewId, eventId);

function store(recent: RecentEvents, viewId: string, eventId: string): void {
  const batch = recent.begin();
  recent.isRepeat(batch, viewId, eventId);
  recent.remember(batch);
}

describe('recent events', () => {
  it('remember the last ones of any view, and forget what is more than twice as old', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (capacity, count, views) => {
          const recent = new RecentEvents(capacity);
          for (let n = 0; n < count; n += 1) store(recent, `v${n % views}`, `e${n}`);
          for (let n = 0; n < count; n += 1) {
            const age = count - n;
            if (age <= capacity) expect(isKnown(recent, `v${n % views}`, `e${n}`)).toBe(true);
            if (age > 2 * capacity) expect(isKnown(recent, `v${n % views}`, `e${n}`)).toBe(false);
            expect(isKnown(recent, 'another', `e${n}`)).toBe(false);
          }
        },
      ),
    );
  });

  it('know the events of their own batch, and forget them with a batch that is not stored', () => {
    const recent = new RecentEvents(10);
    const batch = recent.begin();
    const seen = ['e1', 'e2', 'e1', 'e2', 'e3'].map((eventId) => recent.isRepeat(batch, 'v', eventId));
    expect(seen).toEqual([false, false, true, true, false]);
    expect(['e1', 'e2', 'e3'].map((eventId) => isKnown(recent, 'v', eventId))).toEqual([false, false, false]);
    recent.remember(batch);
    expect(['e1', 'e2', 'e3'].map((eventId) => isKnown(recent, 'v', eventId))).toEqual([true, true, true]);
  });

  it('take no two events for one: ids that count, and ids and views whose texts run into each other', () => {
    const hashOf = createEventHasher();
    const hashes = new Set<string>();
    const pairs: [string, string][] = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', ''],
      ['', 'abc'],
    ];
    for (let view = 0; view < 50; view += 1) for (let n = 0; n < 2_000; n += 1) pairs.push([`v_${view}`, `e${n}`]);
    for (const [viewId, eventId] of pairs) {
      const { high, low } = hashOf(viewId, eventId);
      hashes.add(`${high} ${low}`);
    }
    expect(hashes.size).toBe(pairs.length);
  });

  it('spread ids that differ in one place over the whole of both words', () => {
    const hashOf = createEventHasher();
    const highs = new Set<number>();
    const lows = new Set<number>();
    for (let n = 0; n < 4_096; n += 1) {
      const { high, low } = hashOf('v', `e${n}`);
      highs.add(high >>> 20);
      lows.add(low & 0xfff);
    }
    // Of 4,096 draws from 4,096 values, 63 % come up: fewer by far would crowd the table.
    expect(Math.min(highs.size, lows.size)).toBeGreaterThan(2_400);
  });
});
