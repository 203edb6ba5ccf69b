import type { Logger } from 'pino';
import type { LearnRequest, LearnResult, QueueName } from './job-payloads.ts';
import type { OnJob } from './process-job.ts';
import type { TranscodePorts } from './transcode-ports.ts';
import type { UpgradePorts } from './upgrade/upgrade-ports.ts';

/** What the workers ask of the rest of the platform. */
export type WorkerPorts = TranscodePorts & {
  /** Refits the policy. */
  learn(request: LearnRequest, signal: AbortSignal): Promise<LearnResult>;
  /** Removes what killed writers left in the store where no key can name it; resolves to how many files. */
  sweepTemporary?(): Promise<number>;
  /** Left out: nothing is upgraded by itself. */
  upgrades?: UpgradePorts;
};

/** How the workers of one process run; everything has a default but Redis, the ports and the log. */
export type WorkersOptions = {
  redisUrl: string;
  /** Keys of the queues begin with this. */
  prefix?: string;
  ports: WorkerPorts;
  log: Logger;
  concurrency?: Partial<Record<QueueName, number>>;
  onJob?: OnJob;
  reconcileEveryMs?: number;
  learnEveryMs?: number;
  upgradeEveryMs?: number;
  collectEveryMs?: number;
  /** A dead worker's job is believed dead after this, and looked for half as often. */
  lockMs?: number;
};
