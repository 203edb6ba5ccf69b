/** Views that began in [from, to), or in any of these hours (their starts), or these views. */
export type ViewScope = { from: Date; to: Date } | { hours: readonly Date[] } | { viewIds: readonly string[] };

const HOUR_MS = 3_600_000;

/**
 * SQL that holds for every row of `decisions` and of `view_outcomes` about a view in scope (`inScope`), and SQL over a view's own
 * `view_at` where that is not enough (`began`): the views heard of in an hour may have been decided before it.
 */
export function viewScopeSql(scope: ViewScope | undefined): { inScope: string; began: string | null } {
  if (scope === undefined) return { inScope: 'true', began: null };
  if ('viewIds' in scope) return { inScope: `view_id IN (${listSql(scope.viewIds.map(textSql))})`, began: null };
  const within = (column: string): string =>
    'hours' in scope ? hoursSql(column, scope.hours) : rangeSql(column, scope);
  return {
    inScope: `view_id IN (SELECT view_id FROM decisions WHERE ${within('decided_at')}
    UNION ALL SELECT view_id FROM view_outcomes WHERE ${within('first_received_at')})`,
    began: within('view_at'),
  };
}

/** A moment as a literal that needs no parsing. */
export const timeSql = (at: Date): string => `fromUnixTimestamp64Milli(${at.getTime()}, 'UTC')`;

/** A string literal. */
export const textSql = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const rangeSql = (column: string, { from, to }: { from: Date; to: Date }): string =>
  `${column} >= ${timeSql(from)} AND ${column} < ${timeSql(to)}`;

/** The range around the hours is for the partitions; the hours may lie months apart. */
function hoursSql(column: string, hours: readonly Date[]): string {
  if (hours.length === 0) return 'false';
  const starts = hours.map((hour) => hour.getTime());
  const range = { from: new Date(Math.min(...starts)), to: new Date(Math.max(...starts) + HOUR_MS) };
  const list = listSql(starts.map((start) => `toDateTime(${Math.floor(start / 1000)}, 'UTC')`));
  return `${rangeSql(column, range)} AND toStartOfHour(${column}) IN (${list})`;
}

/** An empty list of literals is no SQL. */
const listSql = (literals: readonly string[]): string => (literals.length === 0 ? 'NULL' : literals.join(', '));
