// Lifecycle: startEmbeddedClickHouse() opens the engine, then listens → serves → stop() takes no new connections, lets
// running statements end for a moment, kills the rest, closes the sessions. One process per data directory.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { EmbeddedClickHouseError } from './embedded-clickhouse-error.ts';
import { type ClickHouseServer, createClickHouseServer } from './http-server.ts';
import { type Engine, openEngine } from './open-engine.ts';

export type EmbeddedClickHouseOptions = {
  /** Owned by this process while it runs. */
  dataDir: string;
  host: string;
  /** 0: any free port. */
  port: number;
  /** Of the user `default`. `file()` reads what this process can, so give it one. */
  password: string;
  /** What this whole process may have in memory. At least 512 MiB, or it cannot be held. */
  maxMemoryBytes: number;
  log: Logger;
};
export type EmbeddedClickHouse = { url: string; port: number; stop(): Promise<void> };

/** Running statements may take this long to end by themselves, then again this long to be killed. */
const STOP_GRACE_MS = 800;

/** Starts ClickHouse on a data directory behind ClickHouse's HTTP interface. Throws EmbeddedClickHouseError. */
export async function startEmbeddedClickHouse(options: EmbeddedClickHouseOptions): Promise<EmbeddedClickHouse> {
  const { dataDir, host, log } = options;
  const engine = await openEngine(dataDir, options.maxMemoryBytes, log);
  const clickhouse = createClickHouseServer(engine, options.password, log);
  try {
    await listen(clickhouse.server, host, options.port);
  } catch (error) {
    engine.pool.close();
    throw error;
  }
  const { port } = clickhouse.server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (options.password === '') log.warn('no password: everyone on this machine can read what this process can');
  log.info({ url, dataDir, version: engine.facts.version }, 'ClickHouse ready');
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= stopAll(engine, clickhouse);
    return stopped;
  };
  return { url, port, stop };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const message = `ClickHouse cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : cause}`;
    throw new EmbeddedClickHouseError('clickhouse.port-taken', message, { cause });
  }
}

async function stopAll(engine: Engine, { server, abortAll, idle }: ClickHouseServer): Promise<void> {
  server.close();
  server.closeIdleConnections();
  const withinGrace = (work: Promise<unknown>) => Promise.race([work, delay(STOP_GRACE_MS, undefined, { ref: false })]);
  await withinGrace(idle());
  abortAll();
  await withinGrace(idle());
  server.closeAllConnections();
  engine.pool.close();
  await withinGrace(engine.pool.settle());
}
