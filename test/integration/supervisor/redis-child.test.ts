import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findParentDeathSignal } from '../../../src/supervisor/die-with-parent.ts';
import { freePort } from '../../../src/supervisor/free-port.ts';
import { redisChild, redisChildUrl } from '../../../src/supervisor/redis-child.ts';
import { type SupervisedChild, supervise } from '../../../src/supervisor/supervise.ts';

const PASSWORD = 'a-password';
let dataDir: string;
let child: SupervisedChild | null = null;
let client: Redis | null = null;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-redis-'));
});
afterEach(async () => {
  client?.disconnect();
  await child?.stop();
  await rm(dataDir, { recursive: true });
});

test('a killed redis-server comes back on the same port with what it held, needs the password, and is open to redis-cli', async () => {
  const port = await freePort('127.0.0.1');
  const log = pino({ level: 'silent' });
  const pids: number[] = [];
  child = supervise({
    ...(await redisChild({ dataDir, port, password: PASSWORD, log })),
    name: 'redis',
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 2_000,
    tieToParent: await findParentDeathSignal(),
    log,
    onPid: (pid) => {
      if (pid !== null) pids.push(pid);
    },
  });
  child.start();
  await child.whenReady();

  const { stdout } = await promisify(execFile)('redis-cli', ['-u', redisChildUrl(port, PASSWORD), 'ping']);
  expect(stdout).toBe('PONG\n');
  client = new Redis(redisChildUrl(port, PASSWORD), { maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.set('kept', 'yes');
  // `appendfsync everysec`: a process kill loses nothing that was written, whenever it was synced.
  const [first] = pids;
  if (first === undefined) throw new Error('redis-server is not running');
  process.kill(first, 'SIGKILL');
  await vi.waitFor(() => expect(pids).toHaveLength(2), { timeout: 10_000, interval: 20 });
  expect(await client.get('kept')).toBe('yes');

  const stranger = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  stranger.on('error', () => {});
  await expect(stranger.get('kept')).rejects.toThrow(/NOAUTH/);
  stranger.disconnect();
});
