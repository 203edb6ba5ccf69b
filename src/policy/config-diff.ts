import type { PolicyConfig } from '../domain/index.ts';

/** One place where two configs differ; `undefined` where there is nothing. */
export type ConfigDifference = { path: string; before?: unknown; after?: unknown };

/** What says when, by whom, why and how a config came to be rather than what it says. */
const IMPRINT = ['configVersion', 'parent', 'createdAt', 'actor', 'reason', 'staged'] as const;

/** A config without its imprint: equal substance is the same policy. */
export function substanceOf(config: PolicyConfig): Omit<PolicyConfig, (typeof IMPRINT)[number]> {
  const { configVersion, parent, createdAt, actor, reason, staged, ...substance } = config;
  return substance;
}

/** Where `after` says something else than `before`, by rising path. Arms are told apart by id: `arms.low-floor.state`. */
export function configDiff(before: PolicyConfig, after: PolicyConfig): ConfigDifference[] {
  const [left, right] = [leavesOf(before), leavesOf(after)];
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [left.get(path), right.get(path)];
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    return [{ path, ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) }];
  });
}

function leavesOf(config: PolicyConfig): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  const { arms, ...settings } = substanceOf(config);
  collect('', settings, leaves);
  for (const { id, rungs, ...arm } of arms) {
    collect(`arms.${id}`, arm, leaves);
    leaves.set(`arms.${id}.rungs`, rungs.map((rung) => `${rung.height}p${rung.fps}@${rung.bitrateKbps}`).join(' '));
  }
  return leaves;
}

function collect(path: string, value: unknown, leaves: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    leaves.set(path, value);
    return;
  }
  for (const [name, part] of Object.entries(value)) collect(path === '' ? name : `${path}.${name}`, part, leaves);
}
