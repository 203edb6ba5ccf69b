import type { Accountability, Announcement, Clock, Pin, PolicyConfig, PolicyOperation } from '../domain/index.ts';
import { type ConfigDifference, configDiff } from './config-diff.ts';
import { type ArmRequest, type Edit, editArm, type Refusal, restoreConfig } from './edit-arms.ts';
import type { Log } from './log.ts';
import { standingPins } from './pins.ts';
import { PolicyMissingError, type Published, type Registry } from './registry.ts';

// What operators change by hand. Every write is one numbered document that names its actor and reason; of two at once the second
// looks at what the first one wrote and is tried again. Nothing is kept here between calls.

/** A pin as it is asked for. */
export type PinRequest = Pick<Pin, 'region' | 'device' | 'connection' | 'arm' | 'expiresAt'> & Accountability;

export type ConfigWritten = { kind: 'published' | 'unchanged'; config: PolicyConfig };

/** A config and how it differs from its parent; the first has none. */
export type ConfigVersion = Pick<PolicyConfig, 'configVersion' | 'parent' | 'createdAt' | 'actor' | 'reason'> & {
  diff: ConfigDifference[];
};

export type Operator = {
  putArm(id: string, request: ArmRequest & Accountability): Promise<ConfigWritten | Refusal>;
  /** Publishes what config `toConfigVersion` says, under a new number. */
  rollback(request: { toConfigVersion: number } & Accountability): Promise<ConfigWritten | Refusal>;
  pin(request: PinRequest): Promise<{ kind: 'pinned'; pin: Pin } | Refusal>;
  unpin(pinId: string, by: Accountability): Promise<{ kind: 'unpinned'; pin: Pin } | { kind: 'unknown' }>;
  /** The pins that hold now. */
  pins(): Promise<Pin[]>;
  /** The newest first, at most `limit` of each. */
  history(limit: number): Promise<{ configs: ConfigVersion[]; operations: PolicyOperation[] }>;
};

const MAX_PIN_DAYS = 90;
const DAY_MS = 86_400_000;
/** Somebody else wins a number only by writing something: more than this in a row is a store that does not work. */
const MAX_TRIES = 20;

type Options = {
  registry: Pick<
    Registry,
    | 'loadCurrent'
    | 'listVersions'
    | 'publishConfig'
    | 'readConfig'
    | 'readOperations'
    | 'publishOperation'
    | 'configInForce'
  >;
  announce(announcement: Announcement): Promise<void>;
  clock: Clock;
  log: Log;
};

/** An operator's hands on the policy; every function throws what the store throws. */
export function createOperator({ registry, announce, clock, log }: Options): Operator {
  const now = (): string => new Date(clock.nowMs()).toISOString();

  async function tell(announcement: Announcement): Promise<void> {
    await announce(announcement).catch((err: unknown) =>
      log.warn({ err }, 'a policy write could not be announced; others find it at their next refresh'),
    );
  }

  async function latest(): Promise<PolicyConfig> {
    const config = await registry.configInForce();
    if (!config) throw new PolicyMissingError('policy/config: expected a readable document (got none)');
    return config;
  }

  async function publish(
    edit: (config: PolicyConfig) => Edit | Promise<Edit>,
    { actor, reason }: Accountability,
  ): Promise<ConfigWritten | Refusal> {
    return untilWritten(async () => {
      const parent = await latest();
      const outcome = await edit(parent);
      if (outcome.kind === 'refused') return outcome;
      if (outcome.kind === 'unchanged') return { kind: 'unchanged', config: parent };
      const taken = (await registry.listVersions('config')).at(-1) ?? 0;
      const imprint = { parent: parent.configVersion, createdAt: now(), actor, reason };
      const config = { ...outcome.config, ...imprint, configVersion: taken + 1 };
      if ((await registry.publishConfig(config)).kind === 'taken') return null;
      log.info({ configVersion: config.configVersion, actor, reason }, 'policy config published');
      await tell({ type: 'policy.config', configVersion: config.configVersion });
      return { kind: 'published', config };
    });
  }

  async function append(make: (number: number) => PolicyOperation): Promise<PolicyOperation | null> {
    const operation = make(((await registry.listVersions('operation')).at(-1) ?? 0) + 1);
    const published: Published = await registry.publishOperation(operation);
    if (published.kind === 'taken') return null;
    await tell({ type: 'policy.operation', number: operation.number });
    return operation;
  }

  return {
    putArm: (id, { actor, reason, ...request }) => publish((config) => editArm(config, id, request), { actor, reason }),

    rollback: ({ toConfigVersion, ...by }) =>
      publish(async (config) => {
        const earlier = await registry.readConfig(toConfigVersion);
        if (earlier) return restoreConfig(config, earlier);
        const known = (await registry.listVersions('config')).join(', ');
        return {
          kind: 'refused',
          code: 'config.unknown',
          path: 'toConfigVersion',
          expected: `one of ${known}`,
          received: String(toConfigVersion),
        };
      }, by),

    async pin(request) {
      const refusal = refusePin(request, await latest(), clock.nowMs());
      if (refusal) return refusal;
      return untilWritten(async () => {
        const written = await append((number) => ({
          kind: 'pin',
          number,
          pin: { ...request, id: `pin-${number}`, createdAt: now() },
        }));
        if (written?.kind !== 'pin') return null;
        log.info({ ...written.pin }, 'context pinned');
        return { kind: 'pinned', pin: written.pin };
      });
    },

    async unpin(pinId, { actor, reason }) {
      return untilWritten(async () => {
        const pin = standingPins(await registry.readOperations()).find(({ id }) => id === pinId);
        if (!pin) return { kind: 'unknown' };
        const written = await append((number) => ({ kind: 'unpin', number, at: now(), pinId, actor, reason }));
        if (!written) return null;
        log.info({ pinId, actor, reason }, 'pin removed');
        return { kind: 'unpinned', pin };
      });
    },

    async pins() {
      const nowMs = clock.nowMs();
      return standingPins(await registry.readOperations()).filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs);
    },

    async history(limit) {
      const versions = (await registry.listVersions('config')).slice(-limit).reverse();
      const configs = await Promise.all(versions.map((version) => registry.readConfig(version)));
      const readable = configs.filter((config) => config !== null);
      const operations = (await registry.readOperations()).slice(-limit).reverse();
      return { configs: await Promise.all(readable.map(describe)), operations };
    },
  };

  async function describe(config: PolicyConfig): Promise<ConfigVersion> {
    const { configVersion, parent, createdAt, actor, reason } = config;
    const before = parent === null ? null : await registry.readConfig(parent);
    return { configVersion, parent, createdAt, actor, reason, diff: before ? configDiff(before, config) : [] };
  }
}

/** Tries again while it answers null: somebody else wrote under the same number first. */
async function untilWritten<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const answer = await attempt();
    if (answer !== null) return answer;
  }
  throw new PolicyMissingError(`policy: expected a free number within ${MAX_TRIES} tries (got none)`);
}

function refusePin({ arm: id, expiresAt }: PinRequest, config: PolicyConfig, nowMs: number): Refusal | null {
  const arm = config.arms.find((each) => each.id === id);
  if (!arm || (arm.state !== 'active' && !arm.baseline)) {
    const offered = config.arms.filter((each) => each.baseline || each.state === 'active').map((each) => each.id);
    const expected = `an active arm: ${offered.join(', ')}`;
    return { kind: 'refused', code: 'pin.arm', path: 'arm', expected, received: arm ? `${id}, ${arm.state}` : id };
  }
  const aheadMs = Date.parse(expiresAt) - nowMs;
  if (aheadMs > 0 && aheadMs <= MAX_PIN_DAYS * DAY_MS) return null;
  const expected = `a time from now to ${MAX_PIN_DAYS} days ahead`;
  return { kind: 'refused', code: 'pin.expiry', path: 'expiresAt', expected, received: expiresAt };
}
