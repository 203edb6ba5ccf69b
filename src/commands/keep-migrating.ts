import type { Logger } from 'pino';
import type { Database } from '../telemetry/database.ts';
import { migrate } from '../telemetry/schema/migrate.ts';

const MIGRATE_RETRY_MS = 1_000;

/** Brings the schema up to date, trying again for as long as the database is away and nobody has stopped it. */
export async function keepMigrating(database: Database, isStopped: () => boolean, log: Logger): Promise<void> {
  for (let attempt = 1; !isStopped(); attempt += 1) {
    try {
      const applied = await migrate(database);
      if (applied.length > 0) log.info({ applied }, 'database schema is up to date');
      return;
    } catch (error) {
      if (attempt === 1) log.warn({ err: error }, 'ClickHouse is not ready, will keep trying');
      await new Promise((resolve) => setTimeout(resolve, MIGRATE_RETRY_MS));
    }
  }
}
