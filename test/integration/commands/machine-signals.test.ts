import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { postGovernorStatus, readHostStatuses } from '../../../src/commands/governor-board.ts';
import { hearLatency, tellLatency } from '../../../src/commands/latency-channel.ts';
import { startRedis } from '../workers/platform.ts';

const log = pino({ level: 'silent' });
const status = { level: 0.4, reason: 'api', own: 0.2, others: 0.5, running: 1, waiting: 2, pausedSeconds: 3 };

let root: string;
let server: Awaited<ReturnType<typeof startRedis>>;
let redis: Redis;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-signals-'));
  server = await startRedis(root);
  redis = new Redis(server.url);
});
afterEach(async () => {
  redis.disconnect();
  await server.stop();
  await rm(root, { recursive: true });
});

test('a worker hears how late the event loop of an API on its machine is', async () => {
  const heard: number[] = [];
  const endHearing = hearLatency(server.url, (ms) => heard.push(ms), log);
  const endTelling = tellLatency(redis);
  try {
    await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(2), 10_000);
    expect(heard.every((ms) => ms >= 0 && Number.isFinite(ms))).toBe(true);
  } finally {
    endTelling();
    endHearing();
  }
});

test('what is no latency is not heard', async () => {
  const heard: number[] = [];
  const endHearing = hearLatency(server.url, (ms) => heard.push(ms), log);
  try {
    const [channel = ''] = await vi.waitFor(async () => {
      const channels = (await redis.pubsub('CHANNELS', 'nara:latency:*')) as string[];
      expect(channels).toHaveLength(1);
      return channels;
    }, 10_000);
    for (const text of ['nonsense', '-1', '7.5']) await redis.publish(channel, text);
    await vi.waitFor(() => expect(heard).toEqual([7.5]), 10_000);
  } finally {
    endHearing();
  }
});

test('how encoding goes is added up by host, and forgotten with its worker', async () => {
  const end = postGovernorStatus(redis, () => status);
  await redis.hset('nara:governors', `${hostname()} 1`, JSON.stringify({ ...status, atMs: Date.now(), level: 0.1 }));
  await redis.hset('nara:governors', 'gone 2', JSON.stringify({ ...status, atMs: 0 }));
  await redis.hset('nara:governors', 'odd 3', '{}');
  const { own, others } = status;
  await vi.waitFor(async () => {
    expect(await readHostStatuses(redis, Date.now())).toEqual([
      { host: hostname(), level: 0.1, own: 2 * own, others, running: 2, waiting: 4 },
    ]);
  }, 10_000);
  expect((await redis.hkeys('nara:governors')).filter((worker) => !worker.startsWith(hostname()))).toEqual([]);
  end();
  await vi.waitFor(async () => expect(await redis.hkeys('nara:governors')).toEqual([`${hostname()} 1`]), 5_000);
});
