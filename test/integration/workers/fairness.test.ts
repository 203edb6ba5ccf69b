import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addAssetJob, closeQueues, connectForQueues, openQueues } from '../../../src/workers/queues.ts';
import { silent } from '../media/clips.ts';
import { startRedis } from './platform.ts';

let root: string;
let redis: Awaited<ReturnType<typeof startRedis>>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nara-fair-'));
  redis = await startRedis(root);
});
afterEach(async () => {
  await redis.stop();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

test('somebody’s first upload of the week stands before the rest of somebody’s many', async () => {
  const connection = { redisUrl: redis.url, log: silent };
  const client = connectForQueues(connection);
  const queues = openQueues(client, connection);
  const upload = (id: string, owner: string, minute: number) =>
    addAssetJob(queues, 'encode', { id, owner, createdAt: new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString() });
  for (const minute of [0, 1, 2, 3]) await upload(`a_busy${minute}`, 'busy', minute);
  await upload('a_new', 'new', 4);
  // Asked for again, as reconciliation does: nobody loses or gains a place.
  for (const minute of [0, 1, 2, 3]) await upload(`a_busy${minute}`, 'busy', minute);
  const inLine = await queues.encode.getJobs(['prioritized'], 0, -1, true);
  expect(inLine.map(({ data }) => data.assetId)).toEqual(['a_busy0', 'a_new', 'a_busy1', 'a_busy2', 'a_busy3']);
  await closeQueues(queues);
  client.disconnect();
});
