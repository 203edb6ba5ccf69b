import type { Database } from './database.ts';
import { type Erasable, type ErasedRows, eraseRows, hoursOf } from './erase-rows.ts';
import { rebuildRollups } from './rollups.ts';
import { collectBuilds } from './rollups-collect.ts';
import { markHours } from './rollups-dirty.ts';
import type { RewardClips } from './view-components.ts';

/*
 * An erasure: said to have begun (from here on, whatever arrives late is erased by erase-late.ts) → the hours its views are in are
 * noted → rows are deleted → the hours are marked → said to be finished. Killed in between, its hours stay dirty until it is asked
 * for again, which is safe at any time. The caller ships what is spooled before.
 */

/** Whose telemetry; an owner's is that of the owner's assets. */
export type ErasureSubject =
  | { sessionId: string }
  | { assetId: string }
  | { owner: string; assetIds: readonly string[] };

export type SubjectKind = 'session' | 'asset' | 'owner';

/** A keyed hash: what is kept of a subject. The same for ever, or what arrives late is not recognised. */
export type HashSubject = (kind: SubjectKind, id: string) => string;

export type Erased = {
  rows: ErasedRows;
  /** Hours that were rolled up again. */
  hours: Date[];
  /** Decisions that may still stand in memory and in Redis: to be dropped there. */
  standing: { sessionId: string; assetId: string }[];
};

type Port = Pick<Database, 'query' | 'command' | 'insertRows'>;
type Named = { kind: SubjectKind; subject: string };

/** A decision stands for a day. */
const STANDING_HOURS = 25;
const HOUR_MS = 3_600_000;

/** Removes a subject from raw, decisions, outcomes, dead letters and roll-ups. Throws DatabaseError. */
export async function eraseFromDatabase(
  database: Port,
  subject: ErasureSubject,
  options: { actor: string; reason: string; hashSubject: HashSubject; clips: RewardClips; nowMs: number },
): Promise<Erased> {
  const erasable = await erasableOf(database, subject);
  const names = namesOf(subject, erasable, options.hashSubject);
  const note = (row: Record<string, unknown>) => writeErasure(database, names, { ...options, ...row });

  await note({ finished: false });
  const hours = withRecent(await hoursOf(database, erasable, names), options.nowMs);
  await note({ finished: false, hours });
  const standing = await standingOf(database, erasable);
  const rows = await eraseRows(database, erasable, names[0] as Named);
  await markHours(database, hours);
  await note({ finished: true, hours, rows });

  await rebuildRollups(database, { clips: options.clips, hours, limitHours: hours.length });
  await collectBuilds(database, hours);
  return { rows, hours, standing };
}

/** Which rows: those of these sessions and assets. An owner's assets are those given and those that were decided about. */
async function erasableOf(database: Pick<Database, 'query'>, subject: ErasureSubject): Promise<Erasable> {
  if ('sessionId' in subject) return { sessionIds: [subject.sessionId], assetIds: [] };
  if ('assetId' in subject) return { sessionIds: [], assetIds: [subject.assetId] };
  const decided = await database.query<{ asset_id: string }>(
    'SELECT DISTINCT asset_id FROM decisions WHERE owner = {owner:String}',
    { owner: subject.owner },
  );
  const assetIds = new Set([...subject.assetIds, ...decided.map(({ asset_id }) => asset_id)]);
  return { sessionIds: [], assetIds: [...assetIds] };
}

/** What it is called in `erasures`; an owner's assets stand there too, so that their late rows are recognised. */
function namesOf(subject: ErasureSubject, { assetIds }: Erasable, hash: HashSubject): Named[] {
  if ('sessionId' in subject) return [{ kind: 'session', subject: hash('session', subject.sessionId) }];
  const assets = assetIds.map((id): Named => ({ kind: 'asset', subject: hash('asset', id) }));
  return 'owner' in subject ? [{ kind: 'owner', subject: hash('owner', subject.owner) }, ...assets] : assets;
}

async function writeErasure(
  database: Pick<Database, 'insertRows'>,
  names: readonly Named[],
  erasure: { actor: string; reason: string; finished?: boolean; hours?: readonly Date[]; rows?: ErasedRows },
): Promise<void> {
  const { actor, reason, finished, hours = [], rows } = erasure;
  const seconds = hours.map((hour) => Math.floor(hour.getTime() / 1000));
  await database.insertRows(
    'erasures',
    names.map((name, index) => ({
      ...name,
      actor,
      reason,
      finished,
      ...(index === 0 ? { hours: seconds, rows: rows ?? {} } : {}),
    })),
  );
}

async function standingOf(database: Pick<Database, 'query'>, erasable: Erasable): Promise<Erased['standing']> {
  return database.query(
    `SELECT DISTINCT session_id AS sessionId, asset_id AS assetId FROM decisions
     WHERE (session_id IN {sessionIds:Array(String)} OR asset_id IN {assetIds:Array(String)})
       AND decided_at > now() - INTERVAL ${STANDING_HOURS} HOUR`,
    erasable,
  );
}

/** Rows that are being applied right now are about views of this hour or the last. */
function withRecent(hours: readonly Date[], nowMs: number): Date[] {
  const current = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const all = new Set([...hours.map((hour) => hour.getTime()), current, current - HOUR_MS]);
  return [...all].sort((left, right) => right - left).map((hour) => new Date(hour));
}
