import type { Database } from '../database.ts';
import { MIGRATIONS } from './migrations.ts';

const BOOK = `
CREATE TABLE IF NOT EXISTS schema_migrations (
  version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY version`;

/**
 * Brings the database to the newest schema; safe to run from several processes at once, because every statement is
 * idempotent. Returns the versions applied now. Throws DatabaseError.
 */
export async function migrate(database: Pick<Database, 'query' | 'command'>): Promise<number[]> {
  await database.command(BOOK);
  const rows = await database.query<{ version: number }>('SELECT DISTINCT version FROM schema_migrations');
  const applied = new Set(rows.map((row) => row.version));
  const pending = MIGRATIONS.filter((migration) => !applied.has(migration.version));
  for (const migration of pending) {
    for (const statement of migration.statements) await database.command(statement);
    await database.command('INSERT INTO schema_migrations (version, name) VALUES ({version:UInt32}, {name:String})', {
      version: migration.version,
      name: migration.name,
    });
  }
  return pending.map((migration) => migration.version);
}
