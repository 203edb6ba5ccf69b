import type { Announcement, Clock, PolicyConfig, PromotionEvidence } from '../../domain/index.ts';
import type { Candidate, CurrentPolicy } from '../current-policy.ts';
import { indexAllocation } from '../index-allocation.ts';
import { createJournal } from '../journal.ts';
import type { Log } from '../log.ts';
import type { Registry } from '../registry.ts';
import { compareSides, type TrialGroup } from './compare-sides.ts';
import { judgeTrial, type Verdict } from './judge-trial.ts';
import { type LoggedDecision, scoreShadow } from './score-shadow.ts';
import { createTrials } from './trials.ts';

// Runs after every refit. All that it goes by is in the store and in telemetry, so that a killed process changes nothing: the
// next one reads the same and decides the same. While either is away it decides nothing.

/** What telemetry knows of a trial; both throw while it does not answer. */
export type TrialSources = {
  /** Both sides since the candidate first had a share. */
  readTrial(asked: { config: PolicyConfig; since: Date }): Promise<TrialGroup[]>;
  /** Views since then that other configs decided. */
  readLoggedViews(asked: { config: PolicyConfig; since: Date }): Promise<LoggedDecision[]>;
};

/** A trial as it stands, and what its evidence says is to be done. */
export type Assessment = { candidate: Candidate; evidence: PromotionEvidence; verdict: Verdict };

type Ports = {
  registry: Pick<Registry, 'loadCurrent' | 'listVersions' | 'publishConfig' | 'publishOperation' | 'readAllocation'>;
  sources: TrialSources;
  clock: Clock;
};

/** What is known of the trial that goes on; null without one. Throws what reading throws. */
export async function assessTrial(
  { registry, sources, clock }: Pick<Ports, 'sources' | 'clock'> & { registry: Pick<Registry, 'readAllocation'> },
  { candidate, inForce }: CurrentPolicy,
): Promise<Assessment | null> {
  if (candidate === null) return null;
  const { trial } = candidate;
  const evidence: PromotionEvidence = {
    shadow: trial.stage === 'shadow' ? await shadowOf(candidate, inForce) : null,
    trial: trial.exposedSince === null ? null : await comparisonOf(candidate, new Date(trial.exposedSince), inForce),
  };
  return {
    candidate,
    evidence,
    verdict: judgeTrial({ trial, evidence, settings: inForce, nowMs: clock.nowMs() }),
  };

  async function shadowOf({ config, trial: { shadow } }: Candidate, { arms, promotion }: PolicyConfig) {
    const allocation = shadow && (await registry.readAllocation(shadow.allocationVersion));
    if (!shadow || !allocation) return null;
    const views = await sources.readLoggedViews({ config, since: new Date(shadow.since) });
    const inPlay = arms.filter(({ baseline, state }) => baseline || state === 'active').map(({ id }) => id);
    return scoreShadow(views, indexAllocation({ config, allocation }), new Set(inPlay), promotion.alpha);
  }

  async function comparisonOf({ config }: Candidate, since: Date, { promotion }: PolicyConfig) {
    return compareSides(await sources.readTrial({ config, since }), promotion.alpha);
  }
}

/** Takes the trial that goes on one step further where its evidence says so; answers whether anything changed. */
export function createTrialConductor({
  announce,
  log,
  ...ports
}: Ports & { announce(announcement: Announcement): Promise<void>; log: Log }): () => Promise<boolean> {
  const { registry, clock } = ports;
  const now = (): string => new Date(clock.nowMs()).toISOString();
  const journal = createJournal({ registry, announce, log });
  const trials = createTrials({ registry, journal, now });

  return async function conductTrial() {
    const last = await journal.last();
    const current = await registry.loadCurrent();
    if (current?.overtaken) return endOvertaken(last, current);
    if (!current?.candidate) return false;
    const { candidate, inForce } = current;
    if (candidate.trial.stage === 'shadow' && candidate.trial.shadow === null && candidate.allocation !== null)
      return (await trials.anchor(last, candidate.trial, candidate.allocation.allocationVersion)) !== null;
    const assessment = await assessTrial(ports, current);
    if (assessment?.verdict.kind !== 'move') return false;
    const { evidence, verdict } = assessment;
    const { stage, share, reason } = verdict;
    const written = await trials.step(
      last,
      { candidate, inForce },
      { stage, share, evidence },
      { actor: 'nara', reason },
    );
    if (written) log.info({ configVersion: written.configVersion, stage, share, reason }, 'a config on trial moved');
    return written !== null;
  };

  async function endOvertaken(last: number, { overtaken, inForce }: CurrentPolicy): Promise<boolean> {
    if (!overtaken) return false;
    const isItsChild = inForce.parent === overtaken.configVersion;
    const written = await journal.appendAfter(last, (number) => ({
      kind: 'stage' as const,
      number,
      at: now(),
      configVersion: overtaken.configVersion,
      stage: isItsChild ? ('active' as const) : ('rolled-back' as const),
      share: isItsChild ? 1 : 0,
      held: false,
      shadowAllocation: null,
      actor: 'nara',
      reason: isItsChild
        ? `config ${inForce.configVersion} carries it on`
        : `config ${inForce.configVersion} took effect, which it was not compared with`,
    }));
    return written !== null;
  }
}
