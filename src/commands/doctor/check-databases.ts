import { createRequire } from 'node:module';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { Redis } from 'ioredis';
import type { Config } from '../../config.ts';
import { broken, type Check, doubtful, fine, outputOf } from './check.ts';

const CONNECT_TIMEOUT_MS = 3_000;

/** The server at REDIS_URL, or the redis-server that `serve` would start. */
export async function checkRedis({ redisUrl }: Pick<Config, 'redisUrl'>): Promise<Check> {
  if (redisUrl !== null) return checkRedisAt(redisUrl);
  const version = await outputOf('redis-server', ['--version']);
  if (version !== null) return fine('Redis', `redis-server ${/v=(\S+)/.exec(version)?.[1] ?? ''}`.trim());
  return broken(
    'Redis',
    'redis-server is not on the PATH',
    'run `npm run setup`, or set REDIS_URL to a server elsewhere',
  );
}

async function checkRedisAt(url: string): Promise<Check> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let reason = '';
  client.on('error', (error) => {
    reason = error.message;
  });
  try {
    await client.connect();
    const info = await client.info();
    const found = `${/redis_version:(\S+)/.exec(info)?.[1] ?? 'answers'} at ${withoutPassword(url)}`;
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1] ?? 'noeviction';
    if (policy === 'noeviction') return fine('Redis', found);
    return doubtful(
      'Redis',
      `${found}, maxmemory-policy ${policy}`,
      'set maxmemory-policy to noeviction: jobs must not be evicted',
    );
  } catch (error) {
    const found = `${withoutPassword(url)} does not answer: ${reason || messageOf(error)}`;
    return broken('Redis', found, 'start it, or correct REDIS_URL');
  } finally {
    client.disconnect();
  }
}

/** The server at CLICKHOUSE_URL, or the engine that `serve` would embed. */
export async function checkClickhouse({ clickhouseUrl }: Pick<Config, 'clickhouseUrl'>): Promise<Check> {
  if (clickhouseUrl !== null) return checkClickhouseAt(clickhouseUrl);
  const script = 'process.stdout.write(require(process.argv[1]).query("SELECT version()", "TabSeparated"))';
  const path = resolved('chdb');
  const version = path === null ? null : await outputOf(process.execPath, ['-e', script, path]);
  if (version !== null) return fine('ClickHouse', `embedded, engine ${version.trim()}`);
  const mend = 'run `npm run setup`, or set CLICKHOUSE_URL to a server elsewhere';
  return broken('ClickHouse', `the npm package chdb ${path === null ? 'is not installed' : 'does not load'}`, mend);
}

async function checkClickhouseAt(url: string): Promise<Check> {
  const client = createClient({
    url,
    request_timeout: CONNECT_TIMEOUT_MS,
    log: { level: ClickHouseLogLevel.OFF },
  });
  try {
    const answer = await client.ping({ select: true });
    if (answer.success) return fine('ClickHouse', `answers at ${withoutPassword(url)}`);
    const found = `${withoutPassword(url)} does not answer: ${answer.error.message}`;
    return broken('ClickHouse', found, 'start it, or correct CLICKHOUSE_URL');
  } finally {
    await client.close();
  }
}

function resolved(name: string): string | null {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return null;
  }
}

function withoutPassword(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
