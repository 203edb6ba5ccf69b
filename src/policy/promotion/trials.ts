import type { Accountability, PolicyConfig, PromotionEvidence, StageOperation } from '../../domain/index.ts';
import type { Candidate, CurrentPolicy } from '../current-policy.ts';
import type { Refusal } from '../edit-arms.ts';
import { type Journal, untilWritten } from '../journal.ts';
import type { Registry } from '../registry.ts';
import { nextStage } from './judge-trial.ts';
import type { Trial } from './stages.ts';

// Every step of a trial is one operation of the journal, written only when nothing else was written since what it was decided by
// was read: whoever comes second, a person or the learner, looks again. Nothing is kept here between calls.

/** Where to, and by what it was decided. */
export type Step = { stage: StageOperation['stage']; share: number; evidence?: PromotionEvidence | undefined };
export type Moved = { kind: 'moved'; operation: StageOperation };

export type Trials = {
  /** A staged config was published: it begins in shadow. */
  begin(configVersion: number, by: Accountability): Promise<StageOperation>;
  /** One stage on, or to the one named; by hand, whatever the evidence says. */
  promote(request: { stage?: 'canary' | 'ramp' | 'active' | undefined } & Accountability): Promise<Moved | Refusal>;
  /** Keeps it at its stage, or lets it go on by itself again; harm still ends it. */
  hold(request: { held: boolean } & Accountability): Promise<Moved | Refusal>;
  /** Ends the trial that goes on; null when there is none. */
  end(by: Accountability): Promise<StageOperation | null>;
  /** One step of a trial as it was read after `last`; null when somebody wrote since. */
  step(last: number, of: StepOf, to: Step, by: Accountability): Promise<StageOperation | null>;
  /** Marks the allocation that a shadow is scored by from now on; null when somebody wrote since. */
  anchor(last: number, trial: Trial, allocationVersion: number): Promise<StageOperation | null>;
};

type StepOf = { candidate: Candidate; inForce: PolicyConfig };

type Options = {
  registry: Pick<Registry, 'loadCurrent' | 'publishConfig' | 'listVersions'>;
  journal: Journal;
  now(): string;
};

const NO_TRIAL: Refusal = {
  kind: 'refused',
  code: 'trial.none',
  path: 'configVersion',
  expected: 'a config on trial',
  received: 'none',
};

export function createTrials({ registry, journal, now }: Options): Trials {
  const stageOf = (trial: Pick<Trial, 'configVersion' | 'stage' | 'share' | 'held'>) => ({
    kind: 'stage' as const,
    at: now(),
    configVersion: trial.configVersion,
    stage: trial.stage,
    share: trial.share,
    held: trial.held,
    shadowAllocation: null,
  });

  const step: Trials['step'] = async (last, { candidate, inForce }, { stage, share, evidence }, by) => {
    if (stage === 'active' && !(await keepTakenAway(last, candidate, inForce, by))) return null;
    return journal.appendAfter(last, (number) => ({
      ...stageOf({ ...candidate.trial, held: false }),
      ...by,
      number,
      stage,
      share,
      ...(evidence && { evidence }),
    }));
  };

  /**
   * Arms that were taken away while it was on trial stay away: a config of its own says so, in force before the trial is said to be
   * over. A crash in between leaves a trial whose child is in force, which is found and ended as such.
   */
  async function keepTakenAway(
    last: number,
    { config }: Candidate,
    inForce: PolicyConfig,
    by: Accountability,
  ): Promise<boolean> {
    if (inForce.configVersion === config.parent) return true;
    if ((await journal.last()) !== last) return false;
    const configVersion = ((await registry.listVersions('config')).at(-1) ?? 0) + 1;
    const imprint = { configVersion, parent: config.configVersion, createdAt: now(), staged: false };
    const reason = `config ${config.configVersion}, without the arms that config ${inForce.configVersion} took away meanwhile`;
    return (await registry.publishConfig({ ...config, ...imprint, actor: by.actor, reason })).kind === 'published';
  }

  /** Reads, decides and writes again until nobody came in between. */
  const decided = <T>(attempt: (last: number, current: CurrentPolicy | null) => Promise<T | null>): Promise<T> =>
    untilWritten(async () => {
      const last = await journal.last();
      return attempt(last, await registry.loadCurrent());
    });

  const moved = (operation: StageOperation | null): Moved | null => operation && { kind: 'moved', operation };

  return {
    step,
    anchor: (last, trial, shadowAllocation) =>
      journal.appendAfter(last, (number) => ({
        ...stageOf(trial),
        number,
        shadowAllocation,
        actor: 'nara',
        reason: `fitted: views from now on show what allocation ${shadowAllocation} would have done`,
      })),
    begin: (configVersion, by) =>
      untilWritten(async () =>
        journal.appendAfter(await journal.last(), (number) => ({
          ...stageOf({ configVersion, stage: 'shadow', share: 0, held: false }),
          ...by,
          number,
        })),
      ),
    promote: ({ stage, ...by }) =>
      decided(async (last, current): Promise<Moved | Refusal | null> => {
        if (!current?.candidate) return NO_TRIAL;
        const { candidate, inForce } = current;
        const to = destination(candidate.trial, inForce.promotion, stage);
        if (to.kind === 'refused') return to;
        return moved(await step(last, { candidate, inForce }, to, by));
      }),
    hold: ({ held, ...by }) =>
      decided(async (last, current): Promise<Moved | Refusal | null> => {
        const trial = current?.candidate?.trial;
        if (!trial) return NO_TRIAL;
        return moved(await journal.appendAfter(last, (number) => ({ ...stageOf(trial), ...by, number, held })));
      }),
    async end(by) {
      const outcome = await decided(async (last, current) => {
        const trial = current?.candidate?.trial ?? current?.overtaken;
        if (!trial) return { operation: null };
        const operation = await journal.appendAfter(last, (number) => ({
          ...stageOf({ ...trial, held: false }),
          ...by,
          number,
          stage: 'rolled-back' as const,
          share: 0,
        }));
        return operation && { operation };
      });
      return outcome.operation;
    },
  };
}

/** The next stage, or the one asked for; a stage is never left downwards but by rolling back. */
function destination(
  trial: Trial,
  settings: PolicyConfig['promotion'],
  asked: 'canary' | 'ramp' | 'active' | undefined,
): ({ kind: 'to' } & Step) | Refusal {
  let to = nextStage(trial, settings);
  if (asked === 'active') to = { stage: 'active', share: 1 };
  if (asked === 'ramp' && to.stage === 'canary') to = nextStage({ stage: 'canary', share: to.share }, settings);
  if (asked === undefined || to.stage === asked) return { kind: 'to', ...to };
  const received = `${asked}, and config ${trial.configVersion} is at ${trial.stage} with a share of ${trial.share}`;
  return { kind: 'refused', code: 'trial.stage', path: 'stage', expected: `${to.stage} or active`, received };
}
