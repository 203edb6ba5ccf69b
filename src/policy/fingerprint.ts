import { createHash } from 'node:crypto';
import { contextKey, type PolicyConfig, type ViewStatistics } from '../domain/index.ts';
import { inStableOrder } from './pool-statistics.ts';

/** A short name of what an allocation is fitted from: same fingerprint, nothing new to learn. Row order and splits do not matter. */
export function fingerprint(statistics: readonly ViewStatistics[], config: PolicyConfig): string {
  const sums = new Map<string, number[]>();
  for (const row of inStableOrder(statistics)) {
    const key = `${contextKey(row.context)}|${row.arm}|${row.ageDays}`;
    const classes = [row.decided, row.failedToStart, row.leftBeforeStart, row.unobserved];
    const values = [...row.moments, row.stalledMs, row.playedMs, ...classes];
    const known = sums.get(key);
    sums.set(key, known ? known.map((sum, index) => sum + (values[index] ?? 0)) : values);
  }
  const hash = createHash('sha256').update(JSON.stringify(config));
  for (const [key, values] of sums) {
    // Single precision: sums that differ only in the order they were added in agree to as many digits.
    hash.update(`\n${key} `).update(Float32Array.from(values));
  }
  return hash.digest('base64url').slice(0, 22);
}
