import { createHash } from 'node:crypto';
import type { Database } from '../database.ts';
import { qoeAggregates } from '../qoe-aggregates.ts';
import { alterTable, type Layout, renderChange, renderView } from './layout.ts';
import { scoredViewsSelect } from './scored-views.ts';
import { HOUR_ROLLUPS } from './tables.ts';

type View = { name: string; select: string };

const VIEWS: readonly View[] = [{ name: 'scored_views', select: scoredViewsSelect() }];

/** Clips change what the columns hold, not which there are. */
const ANY_CLIPS = { stallRatioClip: 1, startupClipSeconds: 1, switchesPerMinuteClip: 1 };

/** One column of `hour_rollups` for each aggregate that `/v1/qoe` is made of. */
export const rollupColumns = (): readonly { column: string; type: string }[] => qoeAggregates(ANY_CLIPS);

/** A view says in its comment which text it was made from. */
const fingerprint = ({ select }: View): string => createHash('sha256').update(select).digest('hex').slice(0, 16);

/** Everything that is defined by its text: metric columns that are missing, views that are missing or were made from another text. */
export function repeatableDdl(
  layout: Layout,
  existing: { rollupColumns: ReadonlySet<string>; viewComments: ReadonlySet<string> },
): string[] {
  const missing = rollupColumns().filter(({ column }) => !existing.rollupColumns.has(column));
  const columns = missing.map(({ column, type }) => `ADD COLUMN IF NOT EXISTS ${column} ${type} CODEC(ZSTD)`);
  const stale = VIEWS.filter((view) => !existing.viewComments.has(`${view.name} ${fingerprint(view)}`));
  return [
    ...(columns.length === 0 ? [] : renderChange(alterTable(HOUR_ROLLUPS, columns), layout)),
    ...stale.map((view) => renderView({ ...view, comment: fingerprint(view) }, layout)),
  ];
}

/** What of it a database has. Throws DatabaseError. */
export async function readRepeatables(database: Pick<Database, 'query'>): Promise<Parameters<typeof repeatableDdl>[1]> {
  const columns = await database.query<{ name: string }>(
    `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '${HOUR_ROLLUPS.name}'`,
  );
  const views = await database.query<{ name: string; comment: string }>(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
  );
  return {
    rollupColumns: new Set(columns.map(({ name }) => name)),
    viewComments: new Set(views.map(({ name, comment }) => `${name} ${comment}`)),
  };
}
