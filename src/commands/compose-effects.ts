import { LRUCache } from 'lru-cache';
import type { Clock, PolicyConfig } from '../domain/index.ts';
import { MIN_AUDIENCE_VIEWS } from '../policy/audience.ts';
import { type EffectsReport, effectsReport } from '../policy/effects-report.ts';
import type { Database } from '../telemetry/database.ts';
import { readAudienceCame } from '../telemetry/read-audience-came.ts';
import { countEncodeGroups, readEncodeTrial, readPlayTrial } from '../telemetry/read-effects.ts';

type Ports = {
  database: Pick<Database, 'query'>;
  config(): PolicyConfig;
  viewTimeoutMs: number;
  clock: Clock;
};

export type EffectsRange = { from: Date; to: Date };

/** Effects that are watched are those of the last four weeks, asked of the database this seldom. */
const WATCHED_MS = 28 * 86_400_000;
const FRESH_MS = 10 * 60_000;

/** The causal effects of encoding and of offering, and the audience prediction's error, over a range of time. */
export function composeEffects({ database, config, viewTimeoutMs, clock }: Ports) {
  async function effects(range: EffectsRange): Promise<EffectsReport> {
    const { reward, arms } = config();
    const baselineArm = arms.find((arm) => arm.baseline)?.id ?? 'baseline';
    const asked = { ...range, reward, viewTimeoutMs };
    const [encodeTrial, playTrial, groups, came] = await Promise.all([
      readEncodeTrial(database, asked),
      readPlayTrial(database, { ...asked, baselineArm }),
      countEncodeGroups(database, range),
      readAudienceCame(database, { ...range, minViews: MIN_AUDIENCE_VIEWS }),
    ]);
    return effectsReport({ ...range, encodeTrial, playTrial, groups, came });
  }

  const watched = new LRUCache<'watched', EffectsReport>({
    max: 1,
    ttl: FRESH_MS,
    // A scrape does not wait: what is known is told while it is asked anew.
    allowStale: true,
    allowStaleOnFetchRejection: true,
    fetchMethod: () => effects({ from: new Date(clock.nowMs() - WATCHED_MS), to: new Date(clock.nowMs()) }),
  });
  return { effects, watchedEffects: async () => (await watched.fetch('watched')) ?? null };
}
