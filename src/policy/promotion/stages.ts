import type { PolicyOperation, PromotionStage, StageOperation } from '../../domain/index.ts';

/** What the journal says of one staged config: its last stage, and since when views have been given to it. */
export type StageState = {
  configVersion: number;
  stage: PromotionStage;
  share: number;
  held: boolean;
  /** When its trial began, ISO 8601. */
  since: string;
  /** When it first got views; null while it has none. */
  exposedSince: string | null;
  /** The allocation that its shadow is scored by, fitted before any view it is scored on. */
  shadow: { allocationVersion: number; since: string } | null;
  last: StageOperation;
};

/** A staged config that is neither in force nor rolled back. */
export type Trial = StageState & { stage: 'shadow' | 'canary' | 'ramp' };

/** Every staged config that came to a stage, by version: operations fold in the order of their numbers. */
export function stagesOf(operations: readonly PolicyOperation[]): ReadonlyMap<number, StageState> {
  const states = new Map<number, StageState>();
  for (const operation of [...operations].sort((left, right) => left.number - right.number)) {
    if (operation.kind !== 'stage') continue;
    const before = states.get(operation.configVersion);
    const { configVersion, stage, share, held, at, shadowAllocation } = operation;
    states.set(configVersion, {
      configVersion,
      stage,
      share,
      held,
      since: before?.since ?? at,
      exposedSince: before?.exposedSince ?? (share > 0 ? at : null),
      shadow: before?.shadow ?? (shadowAllocation === null ? null : { allocationVersion: shadowAllocation, since: at }),
      last: operation,
    });
  }
  return states;
}

const isOpen = (state: StageState): state is Trial => state.stage !== 'active' && state.stage !== 'rolled-back';

/** The newest config whose trial goes on; there is one at a time. */
export function openTrial(stages: ReadonlyMap<number, StageState>): Trial | null {
  const open = [...stages.values()].filter(isOpen);
  return open.reduce<Trial | null>(
    (newest, trial) => (newest === null || trial.configVersion > newest.configVersion ? trial : newest),
    null,
  );
}
