import {
  type Arm,
  type ArmFeatures,
  type Codec,
  type LadderRung,
  type PolicyConfig,
  promotionSettingsSchema,
} from '../domain/index.ts';

export const BASELINE_ARM_ID = 'baseline';

/** Short side that suits a nominal bitrate: boundaries lie about half-way (in log-bitrate) between the baseline's rungs. */
const HEIGHT_BY_KBPS: readonly { belowKbps: number; height: number }[] = [
  { belowKbps: 200, height: 240 },
  { belowKbps: 350, height: 270 },
  { belowKbps: 620, height: 360 },
  { belowKbps: 1100, height: 480 },
  { belowKbps: 1900, height: 540 },
  { belowKbps: 3800, height: 720 },
  { belowKbps: Number.POSITIVE_INFINITY, height: 1080 },
];

/** Below this short side a second 30 frames cost more bits than they bring. */
const HIGH_FPS_FROM_HEIGHT = 720;

/**
 * Nominal kbit/s of the families every installation starts with. The baseline's spacing is 1.75, so families that are to
 * differ from it in rungs (and not only in which of its rungs they leave out) sit between its rungs or beyond its ends.
 */
const FAMILIES: Readonly<Record<string, readonly number[]>> = {
  [BASELINE_ARM_ID]: [150, 262, 459, 803, 1404, 2457, 4300],
  // Slow paths: a lower floor, small steps, nothing that only a fast path could play.
  'low-dense': [105, 147, 206, 288, 403, 565, 790, 1107],
  'low-floor': [114, 199, 347, 610, 1062, 1858],
  'low-top': [150, 262, 459, 803, 1404],
  // Ordinary paths: other spacings over the same range.
  sparse: [150, 450, 1350, 4050],
  dense: [200, 320, 512, 819, 1311, 2097, 3355],
  mid: [262, 610, 1404, 3251],
  // Fast paths: no rung that only hurts, more bits where they show.
  'raised-floor': [610, 1062, 1858, 3251, 5690],
  'high-floor': [1062, 1858, 3251, 5690],
  'fast-dense': [803, 1062, 1404, 1858, 2457, 3251, 4300],
  'high-top': [150, 290, 561, 1085, 2098, 3600, 7200],
};

/** The rung a nominal bitrate makes: a sensible short side and frame rate for it. */
export function rungFor(bitrateKbps: number): LadderRung {
  const height = HEIGHT_BY_KBPS.find(({ belowKbps }) => bitrateKbps < belowKbps)?.height ?? 1080;
  return { height, bitrateKbps, fps: height < HIGH_FPS_FROM_HEIGHT ? 30 : 60 };
}

/** What makes families alike, computed from the rungs (strictly rising, at least one). */
export function featuresOf(rungs: readonly LadderRung[], codec: Codec): ArmFeatures {
  const floorKbps = rungs[0]?.bitrateKbps;
  const topKbps = rungs.at(-1)?.bitrateKbps;
  if (floorKbps === undefined || topKbps === undefined) throw new RangeError('rungs: expected at least 1 (got 0)');
  const steps = rungs.length - 1;
  const spacing = steps === 0 ? 1 : (topKbps / floorKbps) ** (1 / steps);
  return { topKbps, floorKbps, rungCount: rungs.length, spacing, codec };
}

/** An active H.264 arm of these nominal bitrates. */
export function ladderFamily(id: string, bitratesKbps: readonly number[]): Arm {
  const rungs = bitratesKbps.map(rungFor);
  return { id, state: 'active', baseline: id === BASELINE_ARM_ID, features: featuresOf(rungs, 'h264'), rungs };
}

/** Config version 1: what an installation starts with, before anybody has changed anything. */
export function defaultConfig({ createdAt }: { createdAt: string }): PolicyConfig {
  return {
    configVersion: 1,
    parent: null,
    createdAt,
    actor: 'nara',
    reason: 'The configuration every installation starts with.',
    staged: false,
    arms: Object.entries(FAMILIES).map(([id, bitrates]) => ladderFamily(id, bitrates)),
    reward: {
      quality: 1,
      transparentQuality: 95,
      stallRatio: 200,
      stallRatioClip: 0.5,
      startupSecond: 1,
      startupClipSeconds: 10,
      switchPerMinute: 0.5,
      switchesPerMinuteClip: 10,
      deliveredMbps: 2,
      startFailure: 100,
    },
    exploration: {
      baselineShareStart: 0.9,
      baselineShareFloor: 0.05,
      budget: 0.05,
      plausiblePBest: 0.02,
      sharpness: 2,
      posteriorDraws: 2000,
      lossShare: 0.05,
    },
    // The best ladder of a context beats the best global one by 1.4 to 4.6 points: effects are of that size.
    model: {
      priorSd: {
        arm: 0.5,
        region: 0.8,
        device: 0.4,
        cell: 0.6,
        response: 2,
        responseDevice: 1,
        responseRegion: 3.5,
        responseCell: 1,
      },
      noiseSd: 15,
      dailyDecay: 0.97,
    },
    guardrails: { harmPoints: 1, harmProbability: 0.9, stallRatioExcess: 0.01, startFailureExcess: 0.02, minViews: 50 },
    encode: {
      maxRungs: 8,
      mergeRatio: 1.2,
      holdoutShare: 0.05,
      liftPanelShare: 0.2,
      supersetShare: 0.02,
      supersetRungs: 16,
      rungCostPoints: 0.05,
      prices: { cpuHour: 4, storedGbMonth: 2, egressGb: 2, keptMonths: 12 },
    },
    promotion: promotionSettingsSchema.parse({}),
  };
}
