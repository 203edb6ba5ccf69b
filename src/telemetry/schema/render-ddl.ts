import { createTable, type Layout, renderChange } from './layout.ts';
import { SCHEMA_MIGRATIONS } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { repeatableDdl } from './repeatable.ts';

const NOT_EXECUTED = `-- For a ClickHouse cluster. Validated, not executed: ClickHouse's own parser accepts every statement, but nothing here has run on
-- a cluster, and NARA-1r does not migrate, erase from or repair one: deletions must go to the *_local tables.
-- Expects the macros {shard} and {replica}, and a Keeper.`;

/** Every statement that makes the newest schema from nothing, in order. */
export function ddlStatements(layout: Layout): string[] {
  return [
    ...renderChange(createTable(SCHEMA_MIGRATIONS), layout),
    ...MIGRATIONS.flatMap(({ changes }) => changes.flatMap((change) => renderChange(change, layout))),
    ...repeatableDdl(layout, { rollupColumns: new Set(), viewComments: new Set() }),
  ];
}

/** The whole schema as SQL text for people, with a heading that says how far to trust it. */
export function renderDdl(layout: Layout): string {
  const heading = layout.kind === 'cluster' ? NOT_EXECUTED : '-- What `nara` applies by itself to a server of its own.';
  const migrations = MIGRATIONS.map(({ version, name }) => `--   ${version} ${name}`);
  return `${heading}\n-- Migrations in it:\n${migrations.join('\n')}\n\n${ddlStatements(layout).join(';\n\n')};\n`;
}
