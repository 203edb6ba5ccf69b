import type {
  Accountability,
  Announcement,
  Clock,
  Pin,
  PolicyConfig,
  PolicyOperation,
  PromotionStage,
} from '../domain/index.ts';
import { changeSettings, type SettingChanges } from './change-settings.ts';
import { type ConfigDifference, configDiff } from './config-diff.ts';
import { type ArmRequest, type Edit, editArm, type Refusal, restoreConfig } from './edit-arms.ts';
import { createJournal, untilWritten } from './journal.ts';
import type { Log } from './log.ts';
import { standingPins } from './pins.ts';
import { stagesOf } from './promotion/stages.ts';
import { createTrials, type Trials } from './promotion/trials.ts';
import { PolicyMissingError, type Registry } from './registry.ts';

// What operators change by hand. Every write is one numbered document that names its actor and reason; of two at once the second
// looks at what the first one wrote and is tried again. Nothing is kept here between calls.

/** A pin as it is asked for. */
export type PinRequest = Pick<Pin, 'region' | 'device' | 'connection' | 'arm' | 'expiresAt'> & Accountability;

export type ConfigWritten = { kind: 'published' | 'unchanged'; config: PolicyConfig };

/** Whether a config is to earn its views by stages; otherwise it takes effect as a whole with its first refit. */
type Staging = { staged?: boolean | undefined };

/** A config and how it differs from its parent; the first has none. */
export type ConfigVersion = Pick<
  PolicyConfig,
  'configVersion' | 'parent' | 'createdAt' | 'actor' | 'reason' | 'staged'
> & {
  /** The last stage it came to; null where it took effect as a whole. */
  stage: PromotionStage | null;
  diff: ConfigDifference[];
};

export type Operator = {
  putArm(id: string, request: ArmRequest & Accountability & Staging): Promise<ConfigWritten | Refusal>;
  /** The config in force with other settings: on trial, unless it is to take effect as a whole. */
  propose(request: { changes: SettingChanges } & Accountability & Staging): Promise<ConfigWritten | Refusal>;
  promote: Trials['promote'];
  hold: Trials['hold'];
  /** Ends a trial; and where another config than `toConfigVersion` is in force, publishes what that one says, under a new number. */
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
  const journal = createJournal({ registry, announce, log });
  const trials = createTrials({ registry, journal, now });

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
    { actor, reason, staged = false }: Accountability & Staging,
  ): Promise<ConfigWritten | Refusal> {
    const outcome = await untilWritten(async (): Promise<ConfigWritten | Refusal | null> => {
      const running = staged ? await refuseSecondTrial() : null;
      if (running) return running;
      const parent = await latest();
      const outcome = await edit(parent);
      if (outcome.kind === 'refused') return outcome;
      if (outcome.kind === 'unchanged') return { kind: 'unchanged', config: parent };
      const taken = (await registry.listVersions('config')).at(-1) ?? 0;
      const imprint = { parent: parent.configVersion, createdAt: now(), actor, reason, staged };
      const config = { ...outcome.config, ...imprint, configVersion: taken + 1 };
      if ((await registry.publishConfig(config)).kind === 'taken') return null;
      log.info({ configVersion: config.configVersion, actor, reason, staged }, 'policy config published');
      await tell({ type: 'policy.config', configVersion: config.configVersion });
      return { kind: 'published', config };
    });
    if (staged && outcome.kind === 'published') await trials.begin(outcome.config.configVersion, { actor, reason });
    return outcome;
  }

  async function runningTrial() {
    const current = await registry.loadCurrent();
    return current?.candidate?.trial ?? current?.overtaken;
  }

  async function refuseSecondTrial(): Promise<Refusal | null> {
    const trial = await runningTrial();
    if (!trial) return null;
    const received = `config ${trial.configVersion}, at ${trial.stage}`;
    return { kind: 'refused', code: 'trial.running', path: 'staged', expected: 'no other config on trial', received };
  }

  return {
    putArm: (id, { actor, reason, staged, ...request }) =>
      publish((config) => editArm(config, id, request), { actor, reason, staged }),

    propose: ({ changes, staged = true, ...by }) =>
      publish((config) => changeSettings(config, changes), { ...by, staged }),
    promote: trials.promote,
    hold: trials.hold,

    async rollback({ toConfigVersion, ...by }) {
      const earlier = await registry.readConfig(toConfigVersion);
      if (!earlier) {
        const expected = `one of ${(await registry.listVersions('config')).join(', ')}`;
        return refuseTarget('config.unknown', expected, String(toConfigVersion));
      }
      if ((await runningTrial())?.configVersion === toConfigVersion) {
        const expected = 'a config to go back to; to put the one on trial in force, promote it to active';
        return refuseTarget('config.on-trial', expected, `config ${toConfigVersion}, which is on trial`);
      }
      const ended = await trials.end(by);
      const inForce = await latest();
      if (ended && toConfigVersion === inForce.configVersion) return { kind: 'published', config: inForce };
      return publish((config) => restoreConfig(config, earlier), by);
    },

    async pin(request) {
      const refusal = refusePin(request, await latest(), clock.nowMs());
      if (refusal) return refusal;
      return untilWritten(async () => {
        const written = await journal.appendAfter(await journal.last(), (number) => ({
          kind: 'pin' as const,
          number,
          pin: { ...request, id: `pin-${number}`, createdAt: now() },
        }));
        if (!written) return null;
        log.info({ ...written.pin }, 'context pinned');
        return { kind: 'pinned', pin: written.pin };
      });
    },

    async unpin(pinId, { actor, reason }) {
      return untilWritten(async () => {
        const last = await journal.last();
        const pin = standingPins(await registry.readOperations()).find(({ id }) => id === pinId);
        if (!pin) return { kind: 'unknown' };
        const imprint = { at: now(), actor, reason };
        const written = await journal.appendAfter(last, (number) => ({
          kind: 'unpin' as const,
          number,
          pinId,
          ...imprint,
        }));
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
      const operations = await registry.readOperations();
      const stages = stagesOf(operations);
      const described = readable.map((config) => describe(config, stages.get(config.configVersion)?.stage ?? null));
      return { configs: await Promise.all(described), operations: operations.slice(-limit).reverse() };
    },
  };

  async function describe(config: PolicyConfig, stage: PromotionStage | null): Promise<ConfigVersion> {
    const { configVersion, parent, createdAt, actor, reason, staged } = config;
    const before = parent === null ? null : await registry.readConfig(parent);
    const diff = before ? configDiff(before, config) : [];
    return { configVersion, parent, createdAt, actor, reason, staged, stage, diff };
  }
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

function refuseTarget(code: 'config.unknown' | 'config.on-trial', expected: string, received: string): Refusal {
  return { kind: 'refused', code, path: 'toConfigVersion', expected, received };
}
