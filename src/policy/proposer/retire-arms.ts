import type { Allocation, PolicyConfig } from '../../domain/index.ts';

/** Views a place must have had before it can say that an arm is not its best. */
const LEAST_VIEWS = 1000;
/** P(best) below which an arm is surely not it. */
const SURELY_NOT = 0.002;

/** Active arms that are surely not the best anywhere: each place that knows enough says so, and there are such places. */
export function armsToRetire(
  { arms }: Pick<PolicyConfig, 'arms'>,
  { contexts }: Pick<Allocation, 'contexts'>,
): string[] {
  const knowing = contexts.filter(
    (entry) => entry.level === 'cell' && entry.arms.reduce((sum, { effectiveN }) => sum + effectiveN, 0) >= LEAST_VIEWS,
  );
  // A place nobody has seen may yet need what the seen ones do not.
  const unseen = contexts.filter(({ level }) => level === 'global' || level === 'cold');
  const chanceIn = (entries: Allocation['contexts'], id: string): number =>
    Math.max(0, ...entries.map((entry) => entry.arms.find(({ arm }) => arm === id)?.pBest ?? 0));
  if (knowing.length === 0) return [];
  return arms
    .filter(({ state, baseline }) => state === 'active' && !baseline)
    .map(({ id }) => id)
    .filter((id) => chanceIn([...knowing, ...unseen], id) < SURELY_NOT);
}
