import { type Arm, type Codec, type LadderRung, type PolicyConfig, policyConfigSchema } from '../domain/index.ts';
import { substanceOf } from './config-diff.ts';
import { featuresOf } from './ladder-families.ts';

/** What an arm is to be; what is left out stays as it is, or as new arms are: active, H.264, not the baseline. */
export type ArmRequest = {
  rungs?: readonly LadderRung[] | undefined;
  codec?: Codec | undefined;
  state?: Arm['state'] | undefined;
  baseline?: boolean | undefined;
};

export type Refusal = { kind: 'refused'; code: string; path: string; expected: string; received: string };

/** A config's substance after an edit; its imprint is the publisher's. */
export type Edit = { kind: 'changed'; config: PolicyConfig } | { kind: 'unchanged' } | Refusal;

const refused = (code: string, path: string, expected: string, received: unknown): Refusal => ({
  kind: 'refused',
  code,
  path,
  expected,
  received: JSON.stringify(received) ?? 'nothing',
});

const ladderText = (rungs: readonly LadderRung[], codec: Codec): string =>
  JSON.stringify([codec, rungs.map(({ height, bitrateKbps, fps }) => [height, bitrateKbps, fps])]);

/**
 * `config` with this arm as asked. An arm's ladder never changes, because everything learned is kept under its id; the
 * baseline is always exactly one, and active.
 */
export function editArm(config: PolicyConfig, id: string, request: ArmRequest): Edit {
  const existing = config.arms.find((arm) => arm.id === id);
  if (!existing && request.rungs === undefined)
    return refused('arm.rungs-needed', 'rungs', 'the ladder of a new arm', request.rungs);
  const rungs = [...(request.rungs ?? existing?.rungs ?? [])];
  const codec = request.codec ?? existing?.features.codec ?? 'h264';
  if (existing && ladderText(rungs, codec) !== ladderText(existing.rungs, existing.features.codec))
    return refused(
      'arm.ladder-fixed',
      'rungs',
      `the ladder that ${id} has (another ladder is another arm, with an id of its own)`,
      rungs,
    );
  const state = request.state ?? existing?.state ?? 'active';
  const baseline = request.baseline ?? existing?.baseline ?? false;
  if (existing?.baseline && !baseline)
    return refused('arm.baseline-needed', 'baseline', 'true: name the new baseline instead', false);
  if (baseline && state !== 'active') return refused('arm.baseline-active', 'state', 'active for the baseline', state);

  const arm: Arm = { id, state, baseline, features: featuresOf(rungs, codec), rungs };
  const others = config.arms.map((other) => (baseline ? { ...other, baseline: false } : other));
  const arms = existing ? others.map((other) => (other.id === id ? arm : other)) : [...others, arm];
  return edited(config, { ...config, arms });
}

/** The substance of an earlier config again. */
export const restoreConfig = (config: PolicyConfig, earlier: PolicyConfig): Edit => edited(config, earlier);

function edited(before: PolicyConfig, after: PolicyConfig): Edit {
  if (JSON.stringify(substanceOf(policyConfigSchema.parse(after))) === JSON.stringify(substanceOf(before)))
    return { kind: 'unchanged' };
  return { kind: 'changed', config: after };
}

/**
 * `config`, with arms that a later config no longer offers out of play: taking an arm away must not wait for a refit.
 * The later baseline may not be known to the allocation, so this one's stays.
 */
export function withLaterStates(config: PolicyConfig, later: PolicyConfig): PolicyConfig {
  if (later.configVersion === config.configVersion) return config;
  const states = new Map(later.arms.map(({ id, state }) => [id, state]));
  const arms = config.arms.map((arm): Arm => {
    if (arm.baseline || arm.state !== 'active') return arm;
    return { ...arm, state: states.get(arm.id) ?? 'retired' };
  });
  return { ...config, arms };
}

/** Whether `later` differs from `before` in nothing but arms that are no longer offered. */
export function onlyTakesAway(before: PolicyConfig, later: PolicyConfig): boolean {
  const left = substanceOf(withLaterStates(before, later));
  return JSON.stringify(left) === JSON.stringify(substanceOf(later));
}

/** `config` with these arms out of play, but for its baseline. */
export function withoutArms(config: PolicyConfig, taken: ReadonlySet<string>): PolicyConfig {
  if (taken.size === 0) return config;
  const arms = config.arms.map(
    (arm): Arm => (taken.has(arm.id) && !arm.baseline && arm.state === 'active' ? { ...arm, state: 'paused' } : arm),
  );
  return { ...config, arms };
}
