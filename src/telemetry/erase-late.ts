import type { Database } from './database.ts';
import type { HashSubject } from './erase.ts';
import { type Erasable, eraseOutcomes, writeErasedLedger } from './erase-rows.ts';
import type { Segment } from './spool/segment-files.ts';

/** Nothing stays in a spool, in doubt or unshipped, for longer; until then an erased session or asset stays erased. */
const IN_FORCE_DAYS = 7;

type Named = { kind: 'session' | 'asset'; subject: string };

/**
 * Removes from an applied segment what was erased while it was on its way or in doubt, so that applying it again brings nobody
 * back. First step of applying, before the fold; repeatable. Answers how many rows. Throws DatabaseError.
 */
export async function enforceErasures(
  database: Pick<Database, 'query' | 'command'>,
  stream: 'events' | 'decisions' | 'dead_letters',
  segment: Pick<Segment, 'id'>,
  hashSubject: HashSubject,
): Promise<number> {
  const inForce = await database.query<Named>(
    `SELECT kind, subject FROM erasures WHERE kind != 'owner' AND at > now() - INTERVAL ${IN_FORCE_DAYS} DAY
     GROUP BY kind, subject ORDER BY min(at), kind, subject`,
  );
  if (inForce.length === 0) return 0;
  const rows = await database.query<{ session_id: string; asset_id: string }>(
    `SELECT DISTINCT session_id, asset_id FROM ${stream} WHERE segment = {segment:String}`,
    { segment: segment.id },
  );
  const idOf = new Map<string, string>();
  for (const id of new Set(rows.map(({ session_id }) => session_id)))
    idOf.set(`session ${hashSubject('session', id)}`, id);
  for (const id of new Set(rows.map(({ asset_id }) => asset_id))) idOf.set(`asset ${hashSubject('asset', id)}`, id);
  let erased = 0;
  for (const name of inForce) {
    const id = idOf.get(`${name.kind} ${name.subject}`);
    if (id !== undefined) erased += await eraseFromSegment(database, stream, segment.id, name, id);
  }
  return erased;
}

async function eraseFromSegment(
  database: Pick<Database, 'query' | 'command'>,
  stream: string,
  segment: string,
  name: Named,
  id: string,
): Promise<number> {
  const erasable: Erasable =
    name.kind === 'session' ? { sessionIds: [id], assetIds: [] } : { sessionIds: [], assetIds: [id] };
  const where = `segment = {segment:String} AND ${name.kind}_id = {id:String}`;
  const [found] = await database.query<{ n: number }>(`SELECT count() AS n FROM ${stream} WHERE ${where}`, {
    segment,
    id,
  });
  if (!found?.n) return 0;
  if (stream === 'events') await writeErasedLedger(database, erasable, name, segment);
  await database.command(`ALTER TABLE ${stream} DELETE WHERE ${where} SETTINGS mutations_sync = 2`, { segment, id });
  // Another host may have folded a view while its rows were back.
  if (stream === 'events') await eraseOutcomes(database, erasable);
  return found.n;
}
