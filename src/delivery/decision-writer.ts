import type { Decision } from '../domain/index.ts';

/**
 * Writes decisions as JSON. Most of each is two lists that never change and that thousands of views have in common: what was eligible on
 * an asset, and what its arm offers. Each list is written once for as long as it lives.
 */
export function decisionWriter(): (decision: Decision) => string {
  const written = new WeakMap<object, string>();
  const write = (list: readonly object[]): string => {
    const known = written.get(list);
    if (known !== undefined) return known;
    const text = JSON.stringify(list);
    written.set(list, text);
    return text;
  };
  return (decision) => {
    const rest = JSON.stringify({ ...decision, eligible: undefined, rungs: undefined });
    return `${rest.slice(0, -1)},"eligible":${write(decision.eligible)},"rungs":${write(decision.rungs)}}`;
  };
}
