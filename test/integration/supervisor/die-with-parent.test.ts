import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { processStart } from '../../../src/supervisor/process-start.ts';

const SUPERVISOR = join(import.meta.dirname, 'fixtures/supervisor.ts');
const NODE_CHILD = join(import.meta.dirname, 'fixtures/orphan-aware-child.ts');
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-orphans-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

test.each(['pdeathsig', 'no-pdeathsig'])('a SIGKILLed supervisor leaves no child behind (%s)', async (mode) => {
  const supervisor = fork(SUPERVISOR, [dataDir, NODE_CHILD, mode], { execArgv: ['--import', 'tsx'] });
  const [pids] = (await once(supervisor, 'message')) as [{ node: number; redis: number }];
  for (const pid of [pids.node, pids.redis]) expect(await processStart(pid)).not.toBeNull();
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  await vi.waitFor(
    async () => {
      expect(await processStart(pids.node)).toBeNull();
      expect(await processStart(pids.redis)).toBeNull();
    },
    { timeout: 20_000, interval: 50 },
  );
});
