import type { Database } from '../database.ts';
import { renderChange, SINGLE_SERVER, type Table } from './layout.ts';
import { MIGRATIONS } from './migrations.ts';
import { readRepeatables, repeatableDdl } from './repeatable.ts';

/** Which migrations a database has had. */
export const SCHEMA_MIGRATIONS: Table = {
  name: 'schema_migrations',
  columns: `
    version UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)`,
  engine: 'ReplacingMergeTree',
  orderBy: 'version',
  shardBy: 'cityHash64(version)',
};

/**
 * Brings the database to the newest schema; safe to run from several processes at once, because every statement is
 * idempotent. Returns the versions applied now. Throws DatabaseError.
 */
export async function migrate(database: Pick<Database, 'query' | 'command'>): Promise<number[]> {
  await run(database, renderChange({ kind: 'create-table', table: SCHEMA_MIGRATIONS }, SINGLE_SERVER));
  const rows = await database.query<{ version: number }>('SELECT DISTINCT version FROM schema_migrations');
  const applied = new Set(rows.map((row) => row.version));
  const pending = MIGRATIONS.filter((migration) => !applied.has(migration.version));
  for (const migration of pending) {
    await run(
      database,
      migration.changes.flatMap((change) => renderChange(change, SINGLE_SERVER)),
    );
    await database.command('INSERT INTO schema_migrations (version, name) VALUES ({version:UInt32}, {name:String})', {
      version: migration.version,
      name: migration.name,
    });
  }
  await run(database, repeatableDdl(SINGLE_SERVER, await readRepeatables(database)));
  return pending.map((migration) => migration.version);
}

async function run(database: Pick<Database, 'command'>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await database.command(statement);
}
