import type { Database } from './database.ts';
import { readDirtyHours } from './rollups-dirty.ts';
import type { ViewScope } from './schema/view-scope.ts';
import type { RewardClips } from './view-components.ts';

/** Views that began in [from, to), of one asset where it is given. */
export type QoeScope = { from: Date; to: Date; assetId?: string };

/** Where the figures of a scope come from: roll-ups of the hours in [from, to) but some, and views one by one for the rest. */
export type QoeSource = {
  fromMs: number;
  toMs: number;
  views: readonly ViewScope[];
  rollups: { from: Date; to: Date; except: readonly Date[] } | null;
};

const HOUR_MS = 3_600_000;
/** Beyond this, what was never built is a range and not a list of hours. */
const MAX_UNBUILT_MS = 48 * HOUR_MS;
/** Nothing began before 1970, and hours after 2105 are none to the database. */
const [EARLIEST_MS, LATEST_MS] = [0, Date.UTC(2105)];
const within = (at: Date): number => Math.min(Math.max(at.getTime(), EARLIEST_MS), LATEST_MS);

/** Every view one by one. */
export function viewsOnly(scope: QoeScope): QoeSource {
  const [fromMs, toMs] = [within(scope.from), within(scope.to)];
  return { fromMs, toMs, views: [rangeOf(fromMs, toMs)], rollups: null };
}

/**
 * Chooses: roll-ups between the first and the last hour ever built, except hours cut by an end of the scope and dirty ones.
 * The last hours, which nobody has built yet, are read with those: one look at the views costs less than two.
 * Throws DatabaseError.
 */
export async function chooseSource(
  database: Pick<Database, 'query'>,
  scope: QoeScope,
  clips: RewardClips,
): Promise<QoeSource> {
  const [fromMs, toMs] = [within(scope.from), within(scope.to)];
  const built = await readBuiltRange(database);
  const [middleFrom, builtTo] = [Math.max(fromMs, built.fromMs), Math.min(toMs, built.toMs)];
  if (middleFrom >= builtTo) return viewsOnly(scope);
  const middleTo = toMs - builtTo <= MAX_UNBUILT_MS ? toMs : builtTo;
  const [from, to] = [floorHour(middleFrom), floorHour(middleTo + HOUR_MS - 1)];
  const dirty = await readDirtyHours(database, { clips, from: new Date(from), to: new Date(to) });
  const except = new Set(dirty.map((hour) => hour.getTime()));
  if (middleFrom > from) except.add(from);
  if (middleTo < to) except.add(to - HOUR_MS);
  for (let hour = built.toMs; hour < to; hour += HOUR_MS) except.add(hour);
  if (except.size * HOUR_MS === to - from) return viewsOnly(scope);
  const hours = [...except].map((hour) => new Date(hour));
  const views: ViewScope[] = [
    ...(fromMs < middleFrom ? [rangeOf(fromMs, middleFrom)] : []),
    ...(hours.length > 0 ? [{ hours }] : []),
    ...(middleTo < toMs ? [rangeOf(middleTo, toMs)] : []),
  ];
  return { fromMs, toMs, views, rollups: { from: new Date(from), to: new Date(to), except: hours } };
}

/** From the first hour that was ever rolled up to the end of the last; empty where none was. */
async function readBuiltRange(database: Pick<Database, 'query'>): Promise<{ fromMs: number; toMs: number }> {
  const [row] = await database.query<{ first: number; last: number; builds: number }>(
    'SELECT toUnixTimestamp(min(hour)) AS first, toUnixTimestamp(max(hour)) AS last, count() AS builds FROM rollup_builds',
  );
  if (row === undefined || row.builds === 0) return { fromMs: 0, toMs: 0 };
  return { fromMs: row.first * 1000, toMs: row.last * 1000 + HOUR_MS };
}

const floorHour = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS;
const rangeOf = (fromMs: number, toMs: number): ViewScope => ({ from: new Date(fromMs), to: new Date(toMs) });
