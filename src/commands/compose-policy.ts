import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Announcement, type Clock, type PolicyConfig, policyConfigSchema } from '../domain/index.ts';
import type { MediaStore } from '../media/media-store.ts';
import { defaultConfig } from '../policy/ladder-families.ts';
import { createLearner, type Learner } from '../policy/learner.ts';
import { createTrialConductor, type TrialSources } from '../policy/promotion/conduct-trial.ts';
import { createRegistry, type Registry } from '../policy/registry.ts';
import type { Database } from '../telemetry/database.ts';
import { readAllotments } from '../telemetry/read-allotments.ts';
import { readLoggedViews } from '../telemetry/read-logged-views.ts';
import { countMaturedViews, readViewStatistics } from '../telemetry/read-statistics.ts';
import { readTrial } from '../telemetry/read-trial.ts';

/** Operators may start from other settings than the built-in ones: merged over them, section by section, into config 1. */
const INITIAL_POLICY_FILE = 'initial-policy.json';

/** Numbered policy documents in the media store. */
export function openRegistry(store: MediaStore, clock: Clock, log: Logger): Registry {
  return createRegistry({
    store: { createExclusive: store.createExclusive, read: store.read, list: store.list },
    clock,
    log,
  });
}

/** What config 1 says: the built-in defaults, with DATA_DIR/initial-policy.json over them where there is one. Throws on a bad file. */
export async function initialConfig(config: Pick<Config, 'dataDir'>, clock: Clock): Promise<PolicyConfig> {
  const defaults = defaultConfig({ createdAt: new Date(clock.nowMs()).toISOString() });
  const text = await readFile(join(config.dataDir, INITIAL_POLICY_FILE), 'utf8').catch(() => '{}');
  const overrides: Record<string, unknown> = JSON.parse(text);
  const merged = Object.entries(overrides).map(([section, value]) => {
    const base = defaults[section as keyof PolicyConfig];
    const isSection = typeof base === 'object' && base !== null && !Array.isArray(base);
    return [section, isSection ? { ...base, ...(value as object) } : value];
  });
  return policyConfigSchema.parse({ ...defaults, ...Object.fromEntries(merged) });
}

/** The learner over the registry and telemetry's statistics. */
export function openLearner(ports: {
  config: Config;
  registry: Registry;
  database: Database;
  announce(announcement: Announcement): Promise<void>;
  clock: Clock;
  log: Logger;
}): Learner {
  const { config, registry, database, announce, clock, log } = ports;
  return createLearner({
    registry,
    readStatistics: ({ reward }) => readViewStatistics(database, { reward, viewTimeoutMs: config.viewTimeoutMs }),
    countViews: async () => ({ matured: await countMaturedViews(database, config.viewTimeoutMs) }),
    readAllotments: () => readAllotments(database),
    conductTrial: createTrialConductor({
      registry,
      sources: trialSources(database, config.viewTimeoutMs),
      announce,
      clock,
      log,
    }),
    announce,
    clock,
    log,
  });
}

/** What telemetry knows of a config on trial, scored by that config's reward: it says what is wanted now. */
export function trialSources(database: Pick<Database, 'query'>, viewTimeoutMs: number): TrialSources {
  return {
    readTrial: ({ config: { configVersion, reward }, since }) =>
      readTrial(database, { configVersion, since, reward, viewTimeoutMs }),
    readLoggedViews: ({ config: { configVersion, reward }, since }) =>
      readLoggedViews(database, { exceptConfig: configVersion, since, reward, viewTimeoutMs }),
  };
}
