import type { Audience, EncodePlan } from '../../../domain/asset.ts';
import { rungFrameRate } from '../frame-rate.ts';
import {
  fastLaneRung,
  isFastLaneFar,
  type PlannedRendition,
  remainingRenditions,
  renditionOf,
  type SourceIdentity,
} from '../plan-renditions.ts';
import { chooseRungs, type LeftOut } from './choose-rungs.ts';
import type { ScreenShares } from './quality-hull.ts';
import { rateQualityCurves } from './rate-quality-curve.ts';
import { withSourceAsRung } from './remux-rung.ts';
import type { TitleAnalysis } from './title-analysis.ts';
import { titleScale } from './title-scale.ts';

/** What is made of a title after its first rung. */
export type TitlePlan = { complexityScale: number; renditions: PlannedRendition[]; leftOut: LeftOut[] };

/**
 * The renditions still to make once the fast lane is done, lowest first: the plan's rungs as they suit this title. Without samples
 * all of them, at their nominal heights and bitrates.
 */
export function titleRenditions(identity: SourceIdentity, plan: EncodePlan, analysis: TitleAnalysis): TitlePlan {
  if (analysis.samples.length === 0) {
    return { complexityScale: 1, renditions: remainingRenditions(identity, plan, 1), leftOut: [] };
  }
  const { source } = identity.details;
  const fpsOf = ({ fps }: { fps: number }): number => rungFrameRate(source.fps, fps);
  const rungs = [...plan.rungs].sort((a, b) => a.bitrateKbps - b.bitrateKbps);
  const curves = rateQualityCurves(analysis.samples);
  const complexityScale = titleScale(curves);
  const { made, leftOut } = chooseRungs(curves, {
    rungs,
    scale: complexityScale,
    shares: screenShares(plan.audience),
    fpsOf,
  });
  const first = fastLaneRung(plan);
  const renditions = made
    .filter(({ rung }) => rung !== first || isFastLaneFar(complexityScale))
    .map(({ rung, predictedKbps: _, ...rendition }) => renditionOf(identity, { ...rendition, fps: fpsOf(rung) }));
  const { remuxKbps } = analysis;
  return {
    complexityScale,
    renditions: remuxKbps === null ? renditions : withSourceAsRung(identity, renditions, remuxKbps),
    leftOut,
  };
}

/** A tablet and what is unknown are half a phone and half a desktop; a television counts as a desktop. */
function screenShares({ shares }: Audience): ScreenShares {
  const weight = { phone: 1, tablet: 0.5, desktop: 0, tv: 0, unknown: 0.5 };
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  const phone = shares.reduce((sum, { share, device }) => sum + share * weight[device], 0) / (total || 1);
  return { phone, desktop: 1 - phone };
}
