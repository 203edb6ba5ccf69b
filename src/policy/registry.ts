import type { z } from 'zod';
import {
  type Allocation,
  allocationSchema,
  type Clock,
  type PolicyConfig,
  type PolicyOperation,
  policyConfigSchema,
  policyOperationSchema,
} from '../domain/index.ts';
import { coldAllocation } from './allocate.ts';
import { type CurrentPolicy, findCurrent, findInForce } from './current-policy.ts';
import type { Log } from './log.ts';

/** Where numbered documents live: the media store. `createExclusive` is atomic: false when the key exists, never half a document. */
export type DocumentStore = {
  createExclusive(key: string, bytes: Buffer): Promise<boolean>;
  read(key: string): Promise<Buffer | null>;
  list(prefix: string): Promise<string[]>;
};

export type Published = { kind: 'published' } | { kind: 'taken' };
export type DocumentKind = 'config' | 'allocation' | 'operation';

export type Registry = {
  /** What is served, in force and on trial; null before `ensureInitial`. Broken documents are logged and passed over. */
  loadCurrent(): Promise<CurrentPolicy | null>;
  /** Creates config 1 and its cold allocation where there is none; safe to call from everywhere at once. */
  ensureInitial(config: PolicyConfig): Promise<CurrentPolicy>;
  /** First writer of a number wins. */
  publishConfig(config: PolicyConfig): Promise<Published>;
  publishAllocation(allocation: Allocation): Promise<Published>;
  publishOperation(operation: PolicyOperation): Promise<Published>;
  /** The newest good config that took effect, whether or not anything has been fitted under it. */
  configInForce(): Promise<PolicyConfig | null>;
  /** Everything that was done that is no config, rising; broken documents are logged and passed over. */
  readOperations(): Promise<PolicyOperation[]>;
  /** Every number taken, rising; broken documents among them. */
  listVersions(kind: DocumentKind): Promise<number[]>;
  readConfig(version: number): Promise<PolicyConfig | null>;
  readAllocation(version: number): Promise<Allocation | null>;
};

/** The media store holds no usable policy although one was created. */
export class PolicyMissingError extends Error {
  readonly code = 'policy.missing';
  override readonly name = 'PolicyMissingError';
}

const DIGITS = 6;
/**
 * Documents never change, so the last few read are kept: enough for a config and the allocations around the current one, and for
 * operations that are small and read as a whole.
 */
const KEPT_DOCUMENTS = 16;
const KEPT_OPERATIONS = 10_000;
const keyOf = (kind: DocumentKind, version: number): string =>
  `policy/${kind}/${String(version).padStart(DIGITS, '0')}.json`;

function versionOf(key: string): number | null {
  const match = /(?:^|\/)(\d+)\.json$/.exec(key);
  return match ? Number(match[1]) : null;
}

/** Documents of one kind: reading, validating, remembering. */
function documents<T>(options: {
  kind: DocumentKind;
  schema: z.ZodType<T>;
  store: DocumentStore;
  log: Log;
  keep?: number;
}) {
  const { kind, schema, store, log, keep = KEPT_DOCUMENTS } = options;
  const kept = new Map<number, T>();

  async function read(version: number): Promise<T | null> {
    const known = kept.get(version);
    if (known) return known;
    const key = keyOf(kind, version);
    const bytes = await store.read(key);
    if (!bytes) return null;
    try {
      const document = schema.parse(JSON.parse(bytes.toString('utf8')));
      kept.set(version, document);
      for (const oldest of [...kept.keys()].slice(0, -keep)) kept.delete(oldest);
      return document;
    } catch (cause) {
      log.error({ key, err: cause }, 'policy document is not usable; the last good one before it is used');
      return null;
    }
  }

  return {
    read,
    async list(): Promise<number[]> {
      const keys = await store.list(`policy/${kind}/`);
      const versions = keys.map(versionOf).filter((version) => version !== null);
      return versions.sort((left, right) => left - right);
    },
    async publish(version: number, document: T): Promise<Published> {
      const bytes = Buffer.from(JSON.stringify(schema.parse(document)));
      const created = await store.createExclusive(keyOf(kind, version), bytes);
      return { kind: created ? 'published' : 'taken' };
    },
  };
}

/** The numbered policy documents in the media store: `policy/config/000001.json`, `policy/allocation/000001.json`. */
export function createRegistry(options: { store: DocumentStore; clock: Clock; log: Log }): Registry {
  const { clock, log, store } = options;
  const configs = documents({ kind: 'config', schema: policyConfigSchema, store, log });
  const allocations = documents({ kind: 'allocation', schema: allocationSchema, store, log });
  const operations = documents({ kind: 'operation', schema: policyOperationSchema, store, log, keep: KEPT_OPERATIONS });
  const ofKind = { config: configs, allocation: allocations, operation: operations };

  async function readOperations(): Promise<PolicyOperation[]> {
    const numbers = await operations.list();
    const read = await Promise.all(numbers.map((number) => operations.read(number)));
    return read.filter((operation) => operation !== null);
  }

  const loadCurrent = async (): Promise<CurrentPolicy | null> =>
    findCurrent(configs, allocations, await readOperations());
  const configInForce = async (): Promise<PolicyConfig | null> => findInForce(configs, await readOperations());

  const publishAllocation: Registry['publishAllocation'] = (allocation) =>
    allocations.publish(allocation.allocationVersion, allocation);

  return {
    loadCurrent,
    publishAllocation,
    publishConfig: (config) => configs.publish(config.configVersion, config),
    publishOperation: (operation) => operations.publish(operation.number, operation),
    configInForce,
    readOperations,
    listVersions: (kind) => ofKind[kind].list(),
    readConfig: configs.read,
    readAllocation: allocations.read,
    async ensureInitial(initial) {
      const existing = await loadCurrent();
      if (existing) return existing;
      if (!(await configInForce())) {
        const configVersion = ((await configs.list()).at(-1) ?? 0) + 1;
        await configs.publish(configVersion, { ...initial, configVersion });
      }
      const config = await configInForce();
      if (!config) throw new PolicyMissingError('policy/config: expected a readable document (got none)');
      const allocationVersion = ((await allocations.list()).at(-1) ?? 0) + 1;
      const createdAt = new Date(clock.nowMs()).toISOString();
      await publishAllocation(coldAllocation({ config, seed: 0, allocationVersion, createdAt }));
      const created = await loadCurrent();
      if (!created) throw new PolicyMissingError('policy/allocation: expected a readable document (got none)');
      return created;
    },
  };
}
