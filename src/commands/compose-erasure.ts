import { join } from 'node:path';
import type { Erasure, ErasureAnswer } from '../api/routes/erasure-routes.ts';
import type { StandingDecisions } from '../delivery/standing-decisions.ts';
import type { Clock } from '../domain/index.ts';
import type { Database } from '../telemetry/database.ts';
import { type ErasureSubject, eraseFromDatabase, type HashSubject } from '../telemetry/erase.ts';
import { eraseDeadRows } from '../telemetry/erase-files.ts';
import type { RewardClips } from '../telemetry/view-components.ts';

type Ports = {
  database: Database;
  standing: Pick<StandingDecisions, 'forget'>;
  /** Ids of an owner's assets that are there. */
  assetsOf(owner: string): Promise<string[]>;
  /** False when it took longer. */
  shipNow(timeoutMs: number): Promise<boolean>;
  clips(): RewardClips;
  hashSubject: HashSubject;
  dataDir: string;
  clock: Clock;
};

const SHIP_TIMEOUT_MS = 30_000;

/** Erases somebody's telemetry: standing decisions, spools, database, and the rows that the database refused. */
export function composeErasure(ports: Ports): (erasure: Erasure) => Promise<ErasureAnswer> {
  const { database, standing, hashSubject } = ports;

  async function forget(subject: ErasureSubject): Promise<void> {
    if ('sessionId' in subject) return standing.forget({ sessionId: subject.sessionId });
    const assetIds = 'assetId' in subject ? [subject.assetId] : subject.assetIds;
    for (const assetId of assetIds) await standing.forget({ assetId });
  }

  return async ({ actor, reason, ...named }) => {
    const subject: ErasureSubject =
      'owner' in named ? { owner: named.owner, assetIds: await ports.assetsOf(named.owner) } : named;
    // Before anything is erased: where Redis is away, nothing has happened yet.
    const unforgotten = await forget(subject).then(
      () => null,
      (error: Error) => error,
    );
    if (unforgotten !== null) return { kind: 'unavailable', reason: `Redis: ${unforgotten.message}` };
    if (!(await ports.shipNow(SHIP_TIMEOUT_MS)))
      return { kind: 'unavailable', reason: 'telemetry is still being shipped' };

    const options = { actor, reason, hashSubject, clips: ports.clips(), nowMs: ports.clock.nowMs() };
    const erased = await eraseFromDatabase(database, subject, options);
    // What was decided meanwhile, and an owner's assets that are deleted.
    const assetIds = [...new Set(erased.standing.map(({ assetId }) => assetId))];
    await forget('owner' in subject ? { owner: subject.owner, assetIds } : subject);
    const deadRows = await eraseDeadRows(join(ports.dataDir, 'spool/dead'), subject);
    return { kind: 'erased', report: { rows: { ...erased.rows, deadRows }, hours: erased.hours.length } };
  };
}
