import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentEvents } from '../../src/telemetry/recent-events.ts';

describe('recent events', () => {
  it('remember the last ones of any view, and forget what is more than twice as old', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 1, max: 5 }),
        (capacity, count, views) => {
          const recent = new RecentEvents(capacity);
          for (let n = 0; n < count; n += 1) recent.add(`v${n % views}`, new Set([`e${n}`]));
          for (let n = 0; n < count; n += 1) {
            const age = count - n;
            if (age <= capacity) expect(recent.has(`v${n % views}`, `e${n}`)).toBe(true);
            if (age > 2 * capacity) expect(recent.has(`v${n % views}`, `e${n}`)).toBe(false);
            expect(recent.has('another', `e${n}`)).toBe(false);
          }
        },
      ),
    );
  });
});
