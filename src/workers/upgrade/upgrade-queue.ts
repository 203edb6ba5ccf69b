import { z } from 'zod';
import { ladderRungSchema } from '../../domain/arm.ts';
import { versionSchema } from '../../domain/ids.ts';
import { type AssetQueueName, assetJobSchema, QUEUES } from '../job-payloads.ts';
import { jobIdOf, type Queues } from '../queues.ts';
import type { UpgradeProposal } from './propose-upgrade.ts';

/** Payload of `upgrade` jobs: what was found to be worth making. */
export const upgradeJobSchema = assetJobSchema.extend({
  slower: z.boolean(),
  missing: z.array(ladderRungSchema),
  av1: z.boolean().default(false),
  by: z.object({ configVersion: versionSchema, allocationVersion: versionSchema }).optional(),
});
export type UpgradeJob = z.infer<typeof upgradeJobSchema>;

/** Nothing is lost by giving up: the next look at the library finds it again. */
const TRIES = 3;
const BACKOFF = { type: 'exponential', delay: 60_000 } as const;
/** Jobs that people wait for. */
const WANTED = ['fast-lane', 'encode'] as const satisfies readonly AssetQueueName[];

/** Queues an upgrade; one that is there already stays as it is. */
export async function addUpgradeJob(queues: Queues, proposal: UpgradeProposal): Promise<void> {
  const { assetId, slower, missing, av1 = false, by } = proposal;
  const job: UpgradeJob = { assetId, slower, missing, av1, ...(by === undefined ? {} : { by }) };
  const ending = { removeOnComplete: true, removeOnFail: true };
  const options = { jobId: jobIdOf('upgrade', assetId), attempts: TRIES, backoff: BACKOFF, ...ending };
  await queues.upgrade.add('upgrade', job, options);
}

/** Whether no upload waits to be encoded or is being encoded, on any worker. */
export async function isEncodingIdle(queues: Queues): Promise<boolean> {
  const states = ['waiting', 'prioritized', 'active'] as const;
  const counts = await Promise.all(WANTED.map((name) => queues[name].getJobCountByTypes(...states)));
  return counts.every((count) => count === 0);
}

/** Upgrades that wait or run. */
export const countUpgrades = (queues: Queues): Promise<number> =>
  queues.upgrade.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed');

/** Whether any job of an asset waits or runs. */
export async function isAssetBusy(queues: Queues, assetId: string): Promise<boolean> {
  const stages = QUEUES.filter((name) => name !== 'learn');
  const jobs = await Promise.all(stages.map((stage) => queues[stage].getJob(jobIdOf(stage, assetId))));
  return jobs.some((job) => job !== undefined);
}
