import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/** Nobody waits for these; long enough that a busy moment loses no announcement. */
const COMMAND_TIMEOUT_MS = 5_000;
const MAX_RECONNECT_MS = 2_000;

/**
 * A connection that fails fast while Redis is away (nothing waits for it) and keeps trying to come back. One warning is
 * logged when it is lost and one line when it is back.
 */
export function connectRedis(url: string, log: Logger, commandTimeoutMs = COMMAND_TIMEOUT_MS): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: commandTimeoutMs,
    retryStrategy: (attempt) => Math.min(attempt * 100, MAX_RECONNECT_MS),
  });
  watch(redis, log);
  return redis;
}

/** A connection for subscriptions: waits for Redis, and subscribes again by itself. */
export function connectSubscriber(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 100, MAX_RECONNECT_MS),
  });
  watch(redis, log);
  return redis;
}

function watch(redis: Redis, log: Logger): void {
  let away = false;
  redis.on('error', (error) => {
    if (!away) log.warn({ err: error }, 'Redis is away');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.info('Redis is back');
    away = false;
  });
}
