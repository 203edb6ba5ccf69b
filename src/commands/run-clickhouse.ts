import { join } from 'node:path';
import { runClickHouse } from './clickhouse.ts';
import type { RunCommand } from './run-command.ts';
import { runService } from './run-service.ts';

/** `nara clickhouse` */
export const clickHouseCommand: RunCommand = (_args, config, log) =>
  runService(
    () =>
      runClickHouse({
        dataDir: join(config.dataDir, 'clickhouse'),
        host: '127.0.0.1',
        port: config.clickhousePort,
        password: config.clickhousePassword,
        maxMemoryBytes: config.clickhouseMaxMemoryBytes,
        log,
      }),
    log,
  );
