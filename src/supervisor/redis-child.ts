import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ChildCommand } from './child-process.ts';

const PROBE_TIMEOUT_MS = 1_000;
const LOOPBACK = '127.0.0.1';

export type RedisChildOptions = {
  /** `DATA_DIR`; the append-only files live in `DATA_DIR/redis`. */
  dataDir: string;
  port: number;
  password: string;
  log: Logger;
};

/** A redis-server on loopback with append-only persistence and a password; reads no configuration of the system's. */
export async function redisChild({ dataDir, port, password, log }: RedisChildOptions): Promise<ChildCommand> {
  const folder = join(dataDir, 'redis');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    command: 'redis-server',
    args: ['-'],
    input: redisConfig({ folder, port, password }),
    onLine: (line) => {
      const { level, message } = readRedisLine(line);
      log[level](message);
    },
    readyWhen: { kind: 'probe', probe: () => answersPing(port, password) },
  };
}

/** Where clients find it. The user is named for `redis-cli -u`, which takes an empty name for a user's. */
export function redisChildUrl(port: number, password: string): string {
  return `redis://default:${password}@${LOOPBACK}:${port}`;
}

/** Goes in by standard input: arguments, and so the password, would show in the process list. */
export function redisConfig({ folder, port, password }: { folder: string; port: number; password: string }): string {
  return [
    `bind ${LOOPBACK}`,
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(folder)}`,
    'daemonize no',
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    // BullMQ's jobs must not be evicted.
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

/** What redis-server says at its warning level at every healthy start and stop. */
const ROUTINE = [
  'Reading config from stdin',
  'oO0OoO0OoO0Oo',
  'Redis version=',
  'Configuration loaded',
  'Server initialized',
  'WARNING Memory overcommit',
  'WARNING: The TCP backlog',
  'User requested shutdown',
  'Redis is now ready to exit',
];

/**
 * `7954:M 22 Nov 2026 17:35:00.896 # text`: `#` is a warning. A line without that shape is a complaint about the
 * configuration, a crash report, or that the program could not be run.
 */
export function readRedisLine(line: string): { level: 'warn' | 'debug'; message: string } {
  const match = /^\d+:(?:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.*#-])|signal-handler \(\d+\)) (.*)$/.exec(line);
  if (!match) return { level: line.trim() === '' ? 'debug' : 'warn', message: line };
  const [, mark, message = ''] = match;
  const isRoutine = ROUTINE.some((start) => message.startsWith(start));
  return { level: mark === '#' && !isRoutine ? 'warn' : 'debug', message };
}

/** True once it has loaded its data: while loading it answers `-LOADING`, a stranger on the port answers otherwise. */
function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port, timeout: PROBE_TIMEOUT_MS });
    let answer = '';
    const settle = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.on('connect', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('+PONG')) settle(true);
      else if (answer.includes('-')) settle(false);
    });
    for (const end of ['error', 'timeout', 'close'] as const) socket.on(end, () => settle(false));
  });
}
