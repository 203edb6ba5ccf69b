import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { classifyFailure } from './classify-failure.ts';
import type { QueueName } from './job-payloads.ts';
import { NotYetError } from './not-yet-error.ts';

/** How one run of a job ended. `released`: given back because this worker stops; `postponed`: it came too early. */
export type JobOutcome = 'completed' | 'failed' | 'retried' | 'released' | 'postponed';

/** For metrics: every run of every job. */
export type OnJob = (run: { queue: QueueName; outcome: JobOutcome; seconds: number }) => void;

/** What a processor wants of BullMQ's job. */
export type RunnableJob = Pick<Job, 'id' | 'attemptsMade' | 'opts' | 'moveToWait' | 'moveToDelayed'>;

/** How a stage reacts to what went wrong. */
export type Stage = {
  queue: QueueName;
  work(signal: AbortSignal): Promise<unknown>;
  /** Writes down that it will not be tried again. */
  giveUp(verdict: ReturnType<typeof classifyFailure>): Promise<void>;
};

/**
 * Runs a stage as a BullMQ job: released at once when `stopping` aborts, tried again when the machine was at fault, given up
 * when the file was, or the tries are used up.
 */
export async function processJob(
  job: RunnableJob,
  token: string | undefined,
  stage: Stage,
  shell: { stopping: AbortSignal; onJob: OnJob; log: Logger },
): Promise<unknown> {
  const startedMs = performance.now();
  const ended = (outcome: JobOutcome): void =>
    shell.onJob({ queue: stage.queue, outcome, seconds: (performance.now() - startedMs) / 1000 });
  try {
    shell.stopping.throwIfAborted();
    const result = await stage.work(shell.stopping);
    ended('completed');
    return result;
  } catch (error) {
    if (shell.stopping.aborted) {
      ended('released');
      return await release(job, token, shell.log);
    }
    if (error instanceof NotYetError) {
      ended('postponed');
      return await postpone(job, token, error.retryAfterMs);
    }
    const verdict = classifyFailure(error);
    const tries = Math.min(job.opts.attempts ?? 1, verdict.kind === 'retry' ? verdict.tries : 1);
    const triesLeft = tries - job.attemptsMade - 1;
    if (triesLeft > 0) {
      ended('retried');
      shell.log.warn({ err: error, jobId: job.id, triesLeft }, 'job failed, trying again');
      throw error;
    }
    await stage.giveUp(verdict);
    ended('failed');
    shell.log.warn({ err: error, jobId: job.id, verdict: verdict.kind }, 'job given up');
    throw new UnrecoverableError(error instanceof Error ? error.message : String(error));
  }
}

/** Back to the head of the queue, not failed and not counted as an attempt: another worker takes it up at once. */
async function release(job: RunnableJob, token: string | undefined, log: Logger): Promise<never> {
  // Without Redis it stalls and comes back by itself.
  await job.moveToWait(token).catch((error: unknown) => log.debug({ err: error, jobId: job.id }, 'not released'));
  throw new WaitingError();
}

/** Out of its slot and back in line after a while, not counted as an attempt. */
async function postpone(job: RunnableJob, token: string | undefined, forMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + forMs, token);
  throw new DelayedError();
}
