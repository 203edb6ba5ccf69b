import { availableParallelism, totalmem } from 'node:os';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Pacer, unpaced } from '../media/pacer.ts';
import { createGovernor } from '../workers/governor/governor.ts';
import { postGovernorStatus } from './governor-board.ts';
import { hearLatency } from './latency-channel.ts';

/** What the worker process wants of the governor: paced ffmpegs, and how many jobs may be at it at once. */
type ComposedGovernor = {
  pacer: Pacer;
  concurrency: { 'fast-lane'?: number; encode?: number };
  start(): void;
  stop(): void;
};

/** Slots hold back what does not fit; jobs beyond these would only be kept from other machines. */
const CONCURRENCY = { 'fast-lane': 8, encode: 4 };
/** Half of what a request may take to its first byte. */
const EVENT_LOOP_FLOOR_MS = 12;

/** The governor of this process' encoders, or with NARA_GOVERNOR=off a stand-in that lets everything run. */
export function composeGovernor(
  config: Config,
  connection: { redisUrl: string; redis: Redis },
  log: Logger,
): ComposedGovernor {
  if (!config.governor) {
    log.warn('NARA_GOVERNOR is off: encoding takes what it can get');
    return { pacer: unpaced(0), concurrency: {}, start: () => undefined, stop: () => undefined };
  }
  const governor = createGovernor({
    cpuShare: config.cpuShare,
    cores: availableParallelism(),
    memoryBytes: usableMemoryBytes(),
    watchUrl: config.watchUrl,
    log,
  });
  let ends: (() => void)[] = [];
  return {
    pacer: governor.pacer,
    concurrency: CONCURRENCY,
    start() {
      governor.start();
      const hear = (ms: number): void => governor.hear({ source: 'api', ms, floorMs: EVENT_LOOP_FLOOR_MS });
      ends = [hearLatency(connection.redisUrl, hear, log), postGovernorStatus(connection.redis, governor.status)];
    },
    stop() {
      for (const end of ends) end();
      governor.stop();
    },
  };
}

/** Of this machine, or of the control group that this process was put in. */
function usableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
