import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ReplayResult, Scenario } from './replay.ts';

/** One run of our policy on the test split. */
export type Job = { scenario: Scenario; seed: number };
/** What a process that plays is told, and what it answers with. */
export type Assignment = { jobs: Job[]; traces: string | undefined; titles: string | undefined };

const PLAYER = fileURLToPath(new URL('./play-jobs.ts', import.meta.url));

/** Plays jobs in as many processes as there are processors; results in the jobs' order. Rejects when a process does not finish. */
export async function playApart(jobs: readonly Job[], data: Omit<Assignment, 'jobs'>): Promise<ReplayResult[]> {
  const processes = Math.max(1, Math.min(jobs.length, availableParallelism()));
  const parts = Array.from({ length: processes }, (_, part) => jobs.filter((_job, at) => at % processes === part));
  const played = await Promise.all(parts.map((part) => playIn({ jobs: part, ...data })));
  return jobs.map((_, at) => {
    const result = played[at % processes]?.[Math.floor(at / processes)];
    if (!result) throw new RangeError(`job ${at}: expected a result (got none)`);
    return result;
  });
}

function playIn(assignment: Assignment): Promise<ReplayResult[]> {
  return new Promise((resolve, reject) => {
    const child = fork(PLAYER, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
    child.once('message', (results) => resolve(results as ReplayResult[]));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a process that plays ended with ${code} before it had answered`)));
    child.send(assignment);
  });
}
