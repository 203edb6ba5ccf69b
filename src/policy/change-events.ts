import { type Allocation, type Announcement, contextKey } from '../domain/index.ts';

type ChangeAnnouncement = Extract<Announcement, { type: 'policy.change' }>;

/** An announcement is read by people and by small clients. */
const MOST_NAMED = 40;

/** Cells found changed that were not before, or not since so recently. Null when there is none. */
export function changeEvents(previous: Pick<Allocation, 'changes'>, next: Allocation): ChangeAnnouncement | null {
  const keyOf = ({ context, moved }: NonNullable<Allocation['changes']>[number]): string =>
    `${contextKey(context)} ${moved}`;
  const known = new Map((previous.changes ?? []).map((change) => [keyOf(change), change.ageDays]));
  // A known change only grows older.
  const found = (next.changes ?? []).filter(
    (change) => change.ageDays < (known.get(keyOf(change)) ?? Number.POSITIVE_INFINITY),
  );
  if (found.length === 0) return null;
  const { configVersion, allocationVersion } = next;
  return {
    type: 'policy.change',
    configVersion,
    allocationVersion,
    changes: found.slice(0, MOST_NAMED).map(({ context, moved, ageDays }) => ({ ...context, moved, ageDays })),
    unnamed: Math.max(0, found.length - MOST_NAMED),
  };
}
