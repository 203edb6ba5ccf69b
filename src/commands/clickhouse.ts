import type { Logger } from 'pino';
import { startEmbeddedClickHouse } from '../clickhouse/start.ts';

/** Runs the embedded ClickHouse in this process until `stop()`. Start it with UV_THREADPOOL_SIZE=16 in its environment. */
export async function runClickHouse(options: {
  dataDir: string;
  host: string;
  port: number;
  password: string;
  maxMemoryBytes: number;
  log: Logger;
}): Promise<{ url: string; stop(): Promise<void> }> {
  const { url, stop } = await startEmbeddedClickHouse(options);
  return { url, stop };
}
