import type { Allocation, PolicyConfig, PolicyOperation } from '../domain/index.ts';
import { onlyTakesAway, withLaterStates, withoutArms } from './edit-arms.ts';
import { openTrial, type StageState, stagesOf, type Trial } from './promotion/stages.ts';

/** A config on trial beside the one in force; its allocation is null until it has been fitted. */
export type Candidate = { trial: Trial; config: PolicyConfig; allocation: Allocation | null };

export type CurrentPolicy = {
  /** What is served: an allocation and the config it was fitted under. */
  config: PolicyConfig;
  allocation: Allocation;
  /** The config in force, which the next refit is to use: the newest that took effect as a whole or came to the end of its stages. */
  inForce: PolicyConfig;
  candidate: Candidate | null;
  /** A trial that cannot go on: what it was compared with is no longer in force. */
  overtaken: Trial | null;
};

/** Numbered documents of one kind; null where one is missing or broken. */
export type Documents<T> = { list(): Promise<number[]>; read(version: number): Promise<T | null> };

/** Allocations of the config in force and of its trial alternate; a refit that was interrupted leaves one of them behind by one. */
const LOOK_BACK = 4;

/** The newest document that passes, looking backwards. */
async function newest<T>(from: Documents<T>, accepts: (document: T) => boolean): Promise<T | null> {
  for (const version of (await from.list()).reverse()) {
    const document = await from.read(version);
    if (document !== null && accepts(document)) return document;
  }
  return null;
}

type Stages = ReadonlyMap<number, StageState>;

const isSettled = (config: PolicyConfig, stages: Stages): boolean =>
  !config.staged || stages.get(config.configVersion)?.stage === 'active';

/** The newest good config that took effect, whether or not anything has been fitted under it. */
export const findInForce = (
  configs: Documents<PolicyConfig>,
  operations: readonly PolicyOperation[],
): Promise<PolicyConfig | null> => {
  const stages = stagesOf(operations);
  return newest(configs, (config) => isSettled(config, stages));
};

/** What is served, what is in force, and what is on trial; null before there is a good allocation. */
export async function findCurrent(
  configs: Documents<PolicyConfig>,
  allocations: Documents<Allocation>,
  operations: readonly PolicyOperation[],
): Promise<CurrentPolicy | null> {
  const stages = stagesOf(operations);
  const inForce = await newest(configs, (config) => isSettled(config, stages));
  const served = inForce && (await findServed(configs, allocations, stages, inForce));
  if (!inForce || !served) return null;
  const trial = openTrial(stages);
  const config = trial && (await amended(configs, trial, inForce));
  const candidate = trial &&
    config && { trial, config, allocation: await newestUnder(allocations, config, served.allocation) };
  return { ...served, inForce, candidate, overtaken: candidate ? null : trial };
}

async function findServed(
  configs: Documents<PolicyConfig>,
  allocations: Documents<Allocation>,
  stages: Stages,
  inForce: PolicyConfig,
): Promise<{ config: PolicyConfig; allocation: Allocation } | null> {
  const found: { config: PolicyConfig; allocation: Allocation }[] = [];
  for (const version of (await allocations.list()).reverse()) {
    const allocation = await allocations.read(version);
    const config = allocation && (await configs.read(allocation.configVersion));
    if (allocation && config && isSettled(config, stages)) found.push({ config, allocation });
    if (found.length === LOOK_BACK) break;
  }
  const under = (configVersion: number | null) =>
    found.find(({ allocation }) => allocation.configVersion === configVersion);
  return under(inForce.configVersion) ?? under(inForce.parent) ?? found[0] ?? null;
}

/** A candidate as it may be given: arms that were taken away since it was proposed are out of play there too. Null when overtaken. */
async function amended(
  configs: Documents<PolicyConfig>,
  trial: Trial,
  inForce: PolicyConfig,
): Promise<PolicyConfig | null> {
  const config = await configs.read(trial.configVersion);
  const parent = config?.parent == null ? null : await configs.read(config.parent);
  if (!config || !parent) return null;
  if (parent.configVersion === inForce.configVersion) return config;
  if (!onlyTakesAway(parent, inForce)) return null;
  const left = withLaterStates(parent, inForce);
  const taken = left.arms.filter(({ state }, index) => state !== parent.arms[index]?.state).map(({ id }) => id);
  return withoutArms(config, new Set(taken));
}

/** None can be older than its config, nor be missed by far when one of the config in force is there. */
async function newestUnder(
  allocations: Documents<Allocation>,
  { configVersion, createdAt }: PolicyConfig,
  served: Allocation,
): Promise<Allocation | null> {
  for (const version of (await allocations.list()).reverse()) {
    const allocation = await allocations.read(version);
    if (allocation?.configVersion === configVersion) return allocation;
    const isOlder = allocation !== null && Date.parse(allocation.createdAt) < Date.parse(createdAt);
    if (isOlder && version < served.allocationVersion) return null;
  }
  return null;
}
