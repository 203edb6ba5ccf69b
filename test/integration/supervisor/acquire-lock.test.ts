import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const STARTER = join(import.meta.dirname, 'fixtures/starter.ts');
const started: ChildProcess[] = [];
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nara-lock-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map(kill));
  await rm(dataDir, { recursive: true });
});

type Outcome = { kind: 'held'; holder: number } | { kind: 'acquired' };

async function startOne(): Promise<{ child: ChildProcess; outcome: Outcome }> {
  const child = fork(STARTER, [dataDir], { execArgv: ['--import', 'tsx'] });
  started.push(child);
  const [outcome] = await once(child, 'message');
  return { child, outcome };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('of racing processes exactly one wins, also after the winner was killed, and the others name it', async () => {
  for (let round = 0; round < 2; round += 1) {
    const starters = await Promise.all(Array.from({ length: 4 }, startOne));
    const winners = starters.filter(({ outcome }) => outcome.kind === 'acquired');
    expect(winners).toHaveLength(1);
    const [winner] = winners;
    for (const { outcome } of starters) {
      if (outcome.kind === 'held') expect(outcome.holder).toBe(winner?.child.pid);
    }
    await Promise.all(starters.map(({ child }) => kill(child)));
  }
});
