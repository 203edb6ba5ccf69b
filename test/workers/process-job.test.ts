import { UnrecoverableError, WaitingError } from 'bullmq';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { FfmpegError } from '../../src/media/ffmpeg-error.ts';
import { classifyFailure, type Verdict } from '../../src/workers/classify-failure.ts';
import { type JobOutcome, processJob, type RunnableJob } from '../../src/workers/process-job.ts';
import { AssetRemovedError } from '../../src/workers/update-asset.ts';

let stopping: AbortController;
let outcomes: JobOutcome[];
let givenUp: Verdict[];
let movedWith: (string | undefined)[];
beforeEach(() => {
  stopping = new AbortController();
  [outcomes, givenUp, movedWith] = [[], [], []];
});

function run(
  work: (signal: AbortSignal) => Promise<unknown>,
  job: { attemptsMade?: number; redisIsAway?: boolean } = {},
) {
  const bullJob = {
    id: 'encode-a_1',
    attemptsMade: job.attemptsMade ?? 0,
    opts: { attempts: 10 },
    moveToWait: async (token: string | undefined) => {
      movedWith.push(token);
      if (job.redisIsAway) throw new Error('Connection is closed.');
      return 0;
    },
  } as unknown as RunnableJob;
  const stage = {
    queue: 'encode' as const,
    work,
    giveUp: async (verdict: Verdict) => {
      givenUp.push(verdict);
    },
  };
  return processJob(bullJob, 'token', stage, {
    stopping: stopping.signal,
    onJob: ({ outcome }) => outcomes.push(outcome),
    log: pino({ level: 'silent' }),
  });
}
const throwing = (error: unknown) => async () => {
  throw error;
};

test('a job that works returns its result', async () => {
  expect(await run(async () => 'made')).toBe('made');
  expect(outcomes).toEqual(['completed']);
});

test('a job whose worker stops goes back to the queue without counting as a try', async () => {
  const waiting = run(
    (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new FfmpegError('aborted', 'x', '')))),
  );
  stopping.abort();
  await expect(waiting).rejects.toBeInstanceOf(WaitingError);
  expect(movedWith).toEqual(['token']);
  expect(outcomes).toEqual(['released']);
  expect(givenUp).toEqual([]);
});

test('a job that arrives while its worker stops is not begun', async () => {
  stopping.abort();
  let begun = false;
  const refused = run(async () => {
    begun = true;
  });
  await expect(refused).rejects.toBeInstanceOf(WaitingError);
  expect(begun).toBe(false);
});

test('stopping without Redis still ends the job', async () => {
  stopping.abort();
  await expect(run(async () => 'x', { redisIsAway: true })).rejects.toBeInstanceOf(WaitingError);
});

test('what is the machine’s fault is tried again, and given up with the last try', async () => {
  const killed = new FfmpegError('killed', 'remainder', '');
  await expect(run(throwing(killed))).rejects.toBe(killed);
  expect(outcomes).toEqual(['retried']);
  await expect(run(throwing(killed), { attemptsMade: 3 })).rejects.toBeInstanceOf(UnrecoverableError);
  expect(givenUp).toMatchObject([{ kind: 'retry', error: { code: 'no-resources' } }]);
});

test('what is the file’s fault is given up at once', async () => {
  await expect(run(throwing(new FfmpegError('exit', 'fast-lane', 'Invalid data')))).rejects.toBeInstanceOf(
    UnrecoverableError,
  );
  expect(givenUp).toMatchObject([{ kind: 'permanent', error: { code: 'broken-bitstream' } }]);
  expect(outcomes).toEqual(['failed']);
});

test.each([
  [
    new FfmpegError('exit', 'x', 'av_interleaved_write_frame(): No space left on device'),
    { kind: 'retry', error: { code: 'no-resources' } },
  ],
  [new FfmpegError('not-started', 'x', ''), { kind: 'retry' }],
  [new FfmpegError('timeout', 'x', ''), { kind: 'permanent', error: { code: 'too-slow' } }],
  [new Error('ClickHouse is away'), { kind: 'retry', tries: 10, error: { code: 'internal' } }],
  [new AssetRemovedError('a_1'), { kind: 'removed' }],
  ['a string', { kind: 'retry' }],
])('%s is %j', (thrown, verdict) => {
  expect(classifyFailure(thrown)).toMatchObject(verdict);
});
