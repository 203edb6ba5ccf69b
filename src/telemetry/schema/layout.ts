/** Where tables live: on one server, or on every shard and replica of a cluster of that name. */
export type Layout = { kind: 'single' } | { kind: 'cluster'; cluster: string };

export const SINGLE_SERVER: Layout = { kind: 'single' };

/** A table, declared once for every layout. */
export type Table = {
  name: string;
  /** Column and index definitions, one a line. */
  columns: string;
  /** Of the MergeTree family, with its arguments: `ReplacingMergeTree(event_rows)`. */
  engine: string;
  partitionBy?: string;
  orderBy: string;
  ttl?: string;
  settings?: string;
  /** Keeps together on one shard what is asked about together. */
  shardBy: string;
};

/** One step of a migration; a plain statement works on tables that exist, in any layout. */
export type Change =
  | { kind: 'create-table'; table: Table }
  | { kind: 'alter-table'; table: Table; actions: readonly string[] }
  | string;

export const createTable = (table: Table): Change => ({ kind: 'create-table', table });

export const alterTable = (table: Table, actions: readonly string[]): Change => ({
  kind: 'alter-table',
  table,
  actions,
});

/** The statements that make a change in a layout; running them again changes nothing. */
export function renderChange(change: Change, layout: Layout): string[] {
  if (typeof change === 'string') return [change.trim()];
  const local = localName(change.table.name, layout);
  const statement =
    change.kind === 'create-table'
      ? `CREATE TABLE IF NOT EXISTS ${local}${onCluster(layout)} (\n${change.table.columns.trim().replaceAll(/^ */gm, '  ')}\n)\n${clauses(change.table, layout)}`
      : `ALTER TABLE ${local}${onCluster(layout)}\n  ${change.actions.join(',\n  ')}`;
  return layout.kind === 'single' ? [statement] : [statement, distributed(change.table, layout)];
}

/** `CREATE OR REPLACE VIEW`, marked with `comment`. */
export function renderView(view: { name: string; select: string; comment: string }, layout: Layout): string {
  return `CREATE OR REPLACE VIEW ${view.name}${onCluster(layout)} AS ${view.select}\nCOMMENT '${view.comment}'`;
}

const localName = (name: string, layout: Layout): string => (layout.kind === 'single' ? name : `${name}_local`);

const onCluster = (layout: Layout): string => (layout.kind === 'single' ? '' : ` ON CLUSTER '${layout.cluster}'`);

function clauses({ engine, partitionBy, orderBy, ttl, settings }: Table, layout: Layout): string {
  return [
    `ENGINE = ${layout.kind === 'single' ? engine : replicated(engine)}`,
    ...(partitionBy === undefined ? [] : [`PARTITION BY ${partitionBy}`]),
    `ORDER BY ${orderBy}`,
    ...(ttl === undefined ? [] : [`TTL ${ttl}`]),
    ...(settings === undefined ? [] : [`SETTINGS ${settings}`]),
  ].join('\n');
}

/** `ReplacingMergeTree(n)` → `ReplicatedReplacingMergeTree('path', 'replica', n)`. */
function replicated(engine: string): string {
  const [, family = engine, given = ''] = /^(\w+)(?:\((.*)\))?$/.exec(engine) ?? [];
  const place = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'";
  return `Replicated${family}(${given === '' ? place : `${place}, ${given}`})`;
}

/** Replaced after every alteration: it holds no rows, only the local table's columns. */
function distributed({ name, shardBy }: Table, layout: Layout & { kind: 'cluster' }): string {
  return `CREATE OR REPLACE TABLE ${name}${onCluster(layout)} AS ${name}_local\nENGINE = Distributed('${layout.cluster}', currentDatabase(), ${name}_local, ${shardBy})`;
}
