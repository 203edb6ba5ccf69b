import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { connectSubscriber } from './connect-redis.ts';

const TELL_EVERY_MS = 500;
const RESOLUTION_MS = 10;

/**
 * Tells the encoders of this machine, twice a second, how late this process' event loop is (95th percentile, ms): what every
 * request to it waits. Losing one changes nothing. Answers how to end that.
 */
export function tellLatency(redis: Redis): () => void {
  const channel = latencyChannel();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const timer = setInterval(() => {
    const ms = Math.max(0, delay.percentile(95) / 1e6 - RESOLUTION_MS);
    delay.reset();
    redis.publish(channel, ms.toFixed(1)).catch(() => undefined);
  }, TELL_EVERY_MS);
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}

/** Hears what the APIs of this machine tell; answers how to end that. */
export function hearLatency(redisUrl: string, onLatency: (ms: number) => void, log: Logger): () => void {
  const subscriber = connectSubscriber(redisUrl, log);
  subscriber.on('message', (_channel: string, text: string) => {
    const ms = Number.parseFloat(text);
    if (ms >= 0) onLatency(ms);
  });
  subscriber.subscribe(latencyChannel()).catch((error: Error) => log.debug({ err: error }, 'no latencies to be heard'));
  return () => subscriber.disconnect();
}

/** Containers of one machine have names of their own, and share its kernel's boot. */
function latencyChannel(): string {
  let machine: string;
  try {
    machine = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    machine = hostname();
  }
  return `nara:latency:${machine}`;
}
