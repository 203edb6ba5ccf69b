import type { Announcement, PolicyOperation } from '../domain/index.ts';
import type { Log } from './log.ts';
import { PolicyMissingError, type Registry } from './registry.ts';

/** The operations journal: numbered documents, never changed, the audit of themselves. */
export type Journal = {
  /** The last number taken: what is read after asking this is at least as new. */
  last(): Promise<number>;
  /** Writes right after `last`; null when somebody else wrote since: what this was decided by is no longer all there is. */
  appendAfter<T extends PolicyOperation>(last: number, make: (number: number) => T): Promise<T | null>;
};

/** Somebody else wins a number only by writing something: more than this in a row is a store that does not work. */
const MAX_TRIES = 20;

export function createJournal(options: {
  registry: Pick<Registry, 'listVersions' | 'publishOperation'>;
  announce(announcement: Announcement): Promise<void>;
  log: Log;
}): Journal {
  const { registry, announce, log } = options;
  return {
    last: async () => (await registry.listVersions('operation')).at(-1) ?? 0,
    async appendAfter(last, make) {
      const operation = make(last + 1);
      if ((await registry.publishOperation(operation)).kind === 'taken') return null;
      await announce(announcementOf(operation)).catch((err: unknown) =>
        log.warn({ err }, 'a policy write could not be announced; others find it at their next refresh'),
      );
      return operation;
    },
  };
}

function announcementOf(operation: PolicyOperation): Announcement {
  if (operation.kind !== 'stage') return { type: 'policy.operation', number: operation.number };
  const { configVersion, stage, share, held, reason } = operation;
  return { type: 'policy.stage', configVersion, stage, share, held, reason };
}

/** Tries again while it answers null: somebody else wrote under the same number first. */
export async function untilWritten<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const answer = await attempt();
    if (answer !== null) return answer;
  }
  throw new PolicyMissingError(`policy: expected a free number within ${MAX_TRIES} tries (got none)`);
}
