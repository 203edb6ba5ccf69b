/** Views that began in [from, to), or in any of these hours (their starts), or these views; or those decided since a day long ago. */
export type ViewScope =
  | { from: Date; to: Date }
  | { hours: readonly Date[] }
  | { viewIds: readonly string[] }
  | { decidedSince: Date };

const HOUR_MS = 3_600_000;

/** SQL that holds for the rows of a table that are about views in scope, and for the views themselves where that is not enough. */
export type ScopeSql = { ofDecisions: string; ofOutcomes: string; ofViews: string };

/**
 * A view is found by its decision or by its first sign, whichever lies in scope, and both are then read by its id: a view heard of
 * in an hour may have been decided before it. Sets of ids are dear when they are long, so `decidedSince` does without and may be
 * wrong about views at its very edge.
 */
export function viewScopeSql(scope: ViewScope | undefined): ScopeSql {
  if (scope === undefined) return { ofDecisions: 'true', ofOutcomes: 'true', ofViews: 'true' };
  if ('viewIds' in scope) {
    const listed = `view_id IN (${listSql(scope.viewIds.map(textSql))})`;
    return { ofDecisions: listed, ofOutcomes: listed, ofViews: 'true' };
  }
  if ('decidedSince' in scope) {
    const since = timeSql(scope.decidedSince);
    return { ofDecisions: `decided_at >= ${since}`, ofOutcomes: `last_received_at >= ${since}`, ofViews: 'is_decided' };
  }
  const within = (column: string): string =>
    'hours' in scope ? hoursSql(column, scope.hours) : rangeSql(column, scope);
  const found = `view_id IN (SELECT view_id FROM decisions WHERE ${within('decided_at')}
    UNION ALL SELECT view_id FROM view_outcomes WHERE ${within('first_received_at')})`;
  return { ofDecisions: found, ofOutcomes: found, ofViews: within('view_at') };
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
