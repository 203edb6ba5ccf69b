import { type Allocation, type Announcement, guardSchema, missingKindSchema } from '../domain/index.ts';
import type { Previous } from './allocate.ts';
import type { GuardVerdict } from './guard.ts';
import { entryAtLevel, indexAllocation } from './index-allocation.ts';

/** An announcement is read by people and by small clients. */
const MOST_NAMED = 40;

type GuardrailAnnouncement = Extract<Announcement, { type: 'policy.guardrail' }>;
type Check = GuardrailAnnouncement['checks'][number]['check'];

/**
 * What guards changed between two allocations: arms taken out of a context or let back into it, and arms whose outcomes or allotment
 * newly look wrong. Null when nothing did.
 */
export function guardEvents(previous: Previous, next: Allocation): GuardrailAnnouncement | null {
  const before = indexAllocation(previous);
  const guards = next.contexts.flatMap((entry) => {
    const { region, device, connection, level } = entry;
    const was = new Map(entryAtLevel(before, level, entry).entry.arms.map(({ arm, guard }) => [arm, guard]));
    return entry.arms
      .filter(({ arm, guard }) => guard !== (was.get(arm) ?? 'ok'))
      .map(({ arm, guard }) => ({
        region,
        device,
        connection,
        level,
        arm,
        guard,
        was: was.get(arm) ?? ('ok' as const),
      }));
  });
  const known = new Set(suspicions(previous.allocation).map(({ arm, check }) => `${arm} ${check}`));
  const checks = suspicions(next).filter(({ arm, check }) => !known.has(`${arm} ${check}`));
  if (guards.length + checks.length === 0) return null;
  const { configVersion, allocationVersion } = next;
  return {
    type: 'policy.guardrail',
    configVersion,
    allocationVersion,
    guards: guards.slice(0, MOST_NAMED),
    checks: checks.slice(0, MOST_NAMED),
    unnamed: Math.max(0, guards.length - MOST_NAMED) + Math.max(0, checks.length - MOST_NAMED),
  };
}

/** Arms that something is wrong with, and what. */
export function suspicions({ checks }: Pick<Allocation, 'checks'>): GuardrailAnnouncement['checks'] {
  const ratios = (checks?.sampleRatio ?? []).filter(({ differs }) => differs);
  const missing = (checks?.missing ?? []).filter(({ differs }) => differs);
  return [
    ...ratios.map(({ arm }) => ({ arm, check: 'sample-ratio' as const })),
    ...missing.map(({ arm, kind }) => ({ arm, check: kind })),
  ];
}

/** In how many cells an arm is out, by why; every verdict is named, so that a gauge of it returns to zero. */
export function guardCounts({ contexts }: Pick<Allocation, 'contexts'>): { guard: GuardVerdict; count: number }[] {
  const counts = new Map(guardSchema.options.filter((guard) => guard !== 'ok').map((guard) => [guard, 0]));
  for (const { level, arms } of contexts) {
    if (level !== 'cell') continue;
    for (const { guard } of arms) if (guard !== 'ok') counts.set(guard, (counts.get(guard) ?? 0) + 1);
  }
  return [...counts].map(([guard, count]) => ({ guard, count }));
}

/** How many arms each check found wrong; every check is named. */
export function suspicionCounts(allocation: Pick<Allocation, 'checks'>): { check: Check; count: number }[] {
  const found = suspicions(allocation);
  const checks: Check[] = ['sample-ratio', ...missingKindSchema.options];
  return checks.map((check) => ({ check, count: found.filter((each) => each.check === check).length }));
}
