import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../src/supervisor/child-process.ts';
import { freePort } from '../../src/supervisor/free-port.ts';
import { createDatabase, type Database } from '../../src/telemetry/database.ts';
import { migrate } from '../../src/telemetry/schema/migrate.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const HOST = '127.0.0.1';
const PASSWORD = 'bench';
/** What `nara serve` gives this child. */
const THREADS = '16';
/** Of the kernel's accounting, on every Linux that Node runs on. */
const TICK_MS = 10;

/** `nara clickhouse` in a process of its own with the real schema, as `nara serve` starts it. */
export type BenchEngine = {
  database: Database;
  directory: string;
  /** The most memory that the process has had, by the kernel's own mark. */
  peakBytes(): Promise<number>;
  /** Processor time it has used, ms: what work costs, whoever else is on the machine. */
  cpuMs(): Promise<number>;
  stop(): Promise<void>;
};

export async function startEngine(): Promise<BenchEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-'));
  const port = await freePort(HOST);
  const env = {
    NARA_DATA_DIR: directory,
    NARA_CLICKHOUSE_PORT: String(port),
    NARA_CLICKHOUSE_PASSWORD: PASSWORD,
    NARA_LOG_LEVEL: 'error',
    UV_THREADPOOL_SIZE: THREADS,
  };
  const args = ['--import', 'tsx', MAIN, 'clickhouse'];
  const child = startChild({ command: process.execPath, args, env, readyWhen: { kind: 'message' } }, null);
  await Promise.race([child.ready, child.exited.then(() => Promise.reject(new Error('ClickHouse did not start')))]);
  const database = createDatabase(`http://default:${PASSWORD}@${HOST}:${port}`);
  await migrate(database);
  return {
    database,
    directory,
    async peakBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    async cpuMs() {
      const [, fields = ''] = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ');
      const [userTicks, systemTicks] = fields.split(' ').slice(11, 13).map(Number);
      return ((userTicks ?? 0) + (systemTicks ?? 0)) * TICK_MS;
    },
    async stop() {
      await database.close();
      child.signal('SIGTERM');
      await child.exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
