import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentKeys } from '../../src/telemetry/recent-keys.ts';

describe('recent keys', () => {
  it('remembers the last ones, and forgets what is more than twice as old', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 }), (capacity, count) => {
        const recent = new RecentKeys(capacity);
        for (let n = 0; n < count; n += 1) recent.add(`k${n}`);
        for (let n = 0; n < count; n += 1) {
          const age = count - n;
          if (age <= capacity) expect(recent.has(`k${n}`)).toBe(true);
          if (age > 2 * capacity) expect(recent.has(`k${n}`)).toBe(false);
        }
      }),
    );
  });
});
