import type { PolicyConfig, PromotionEvidence, PromotionStage } from '../../domain/index.ts';
import { type ConfigDifference, configDiff } from '../config-diff.ts';
import type { Assessment } from './conduct-trial.ts';

/** How the config on trial stands, for people. */
export type TrialReport = {
  configVersion: number;
  /** The config it is compared with. */
  parent: number | null;
  actor: string;
  reason: string;
  stage: PromotionStage;
  share: number;
  held: boolean;
  since: string;
  exposedSince: string | null;
  /** What it says otherwise than the config in force. */
  diff: ConfigDifference[];
  evidence: PromotionEvidence;
  /** What the evidence says is to be done, and why; it is done with the next refit. */
  verdict: { move: PromotionStage | null; share: number; reason: string };
};

export function describeTrial({ candidate, evidence, verdict }: Assessment, inForce: PolicyConfig): TrialReport {
  const { trial, config } = candidate;
  const { configVersion, stage, share, held, since, exposedSince } = trial;
  return {
    configVersion,
    parent: config.parent,
    actor: config.actor,
    reason: config.reason,
    stage,
    share,
    held,
    since,
    exposedSince,
    diff: configDiff(inForce, config),
    evidence,
    verdict:
      verdict.kind === 'move'
        ? { move: verdict.stage, share: verdict.share, reason: verdict.reason }
        : { move: null, share, reason: verdict.reason },
  };
}
