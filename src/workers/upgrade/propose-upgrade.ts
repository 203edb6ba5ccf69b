import type { LadderRung } from '../../domain/arm.ts';
import type { AssetDocument, StoredRendition } from '../../domain/asset.ts';
import { hasAllTwins } from '../../policy/codec-twins.ts';

/** What views of an asset are expected to come to, from those it had. */
export type WatchForecast = {
  /** Seconds that people will still watch. */
  seconds: number;
  /** Megabytes that will be sent for it as things are. */
  megabytes: number;
  /** Share of that, 0..1, that goes to players which say that they decode AV1. */
  av1Share: number;
};

/** Rungs the policy would give this asset today. */
export type PlannedToday = {
  rungs: readonly LadderRung[];
  /** Share of its views, 0..1, that would get an arm which its renditions do not allow now. */
  unlockedShare: number;
  /** Megabytes that a second of watching would be worth more, by arms that surely are better. */
  gainMegabytes?: number;
  /** Megabytes sent that keeping a megabyte costs as much as. */
  keptMegabytes?: number;
  by?: { configVersion: number; allocationVersion: number };
};

/** What could be made of an asset that is complete, and what for. */
export type UpgradeProposal = {
  assetId: string;
  /** All its fast-made renditions again, by a slower preset. */
  slower: boolean;
  /** Nominal rungs that it does not have. */
  missing: LadderRung[];
  /** Its H.264 renditions in AV1 beside them; left out: no. */
  av1?: boolean;
  /** The policy that misses them. */
  by?: { configVersion: number; allocationVersion: number };
  /** In megabytes that need not be sent, or are worth as much. */
  benefit: number;
  cpuSeconds: number;
};

/** Fewer bytes at equal quality, x264 slow against veryfast at the same rate: 13–20 % on two clips. */
const SLOWER_SAVES = 0.15;
/** Fewer bytes at equal quality, AV1 against x264: 17–65 % on three clips; what a title really saves is tried before it is made. */
const AV1_SAVES = 0.3;
/** An arm that its audience is given when it can be is worth at least this share of the bytes. */
const UNLOCKED_WORTH = 0.2;
/** Source pixels in and pixels out, per second of processor time; measured with the two presets at 360p, and SVT-AV1's from 180p up. */
const PIXELS_PER_CPU_SECOND = { veryfast: 55e6, slow: 18e6, av1: 10e6 };
/** Four windows of two seconds, encoded three times, before anything is made in AV1. */
const AV1_TRIAL_SECONDS = 24;
/** Traffic at 2 cents a gigabyte against processors at 4 cents an hour: a second must save about half a megabyte. */
export const LEAST_MEGABYTES_PER_CPU_SECOND = 0.5;
/** A rung whose bitrate is within this factor of a rendition's is there: arms accept 1.35. */
const SAME_RUNG = 1.25;

/** The best that can be made of an asset, or null when nothing is worth its cost. */
export function proposeUpgrade(
  asset: AssetDocument,
  watch: WatchForecast,
  today: PlannedToday | null,
  can: { av1: boolean } = { av1: false },
): UpgradeProposal | null {
  if (!isUpgradable(asset)) return null;
  const missing = today === null ? [] : missingRungs(asset, today.rungs);
  const inH264: UpgradeProposal[] = [
    { slower: true, missing },
    { slower: true, missing: [] },
    { slower: false, missing },
  ]
    .filter(({ slower, missing: rungs }) => (slower ? hasFastMade(asset) : rungs.length > 0))
    .map(({ slower, missing: rungs }) => ({
      assetId: asset.id,
      slower,
      missing: rungs,
      ...(rungs.length > 0 && today?.by !== undefined ? { by: today.by } : {}),
      benefit: savedBy(asset, watch, slower) + (rungs.length > 0 ? backfillWorth(asset, watch, today, rungs) : 0),
      cpuSeconds: costOf(asset, slower, rungs),
    }));
  const candidates = can.av1 ? [...inH264, ...inAv1(asset, watch)] : inH264;
  const worth = candidates.filter((one) => ratioOf(one) >= LEAST_MEGABYTES_PER_CPU_SECOND);
  return worth.sort((left, right) => right.benefit - left.benefit)[0] ?? null;
}

/** Best first: benefit ÷ cost. */
export function rankProposals(proposals: readonly UpgradeProposal[]): UpgradeProposal[] {
  return [...proposals].sort((left, right) => ratioOf(right) - ratioOf(left));
}

export const ratioOf = ({ benefit, cpuSeconds }: UpgradeProposal): number => benefit / cpuSeconds;

/** Whether an asset is settled, hosted here, its own original, and can be read again. */
export function isUpgradable(asset: AssetDocument): asset is AssetDocument & { uploadKey: string } {
  return (
    asset.kind === 'hosted' &&
    asset.uploadKey !== null &&
    asset.duplicateOf === undefined &&
    asset.source !== null &&
    asset.plan !== null &&
    asset.error === undefined &&
    (asset.availability === 'complete' || asset.availability === 'upgraded')
  );
}

/** Made in a hurry: no preset is written beside it. The source's own picture gains nothing from being made again. */
export const isFastMade = ({ preset, codec, isCopy }: StoredRendition): boolean =>
  preset === undefined && codec === 'h264' && isCopy !== true;

const hasFastMade = ({ renditions }: AssetDocument): boolean => renditions.some(isFastMade);

/** Rungs that no rendition stands for, at this content's complexity; what would show nobody a difference is not missed. */
export function missingRungs(
  {
    renditions,
    complexityScale,
    leftOutKbps = [],
  }: Pick<AssetDocument, 'renditions' | 'complexityScale' | 'leftOutKbps'>,
  rungs: readonly LadderRung[],
): LadderRung[] {
  const isThere = (wantedKbps: number): boolean =>
    [...renditions.map(({ targetKbps }) => targetKbps), ...leftOutKbps].some(
      (kbps) => Math.abs(Math.log(kbps / wantedKbps)) <= Math.log(SAME_RUNG),
    );
  return rungs.filter(({ bitrateKbps }) => !isThere(bitrateKbps * complexityScale));
}

function savedBy(asset: AssetDocument, watch: WatchForecast, slower: boolean): number {
  // Whoever has the title in AV1 is sent none of its H.264.
  const inH264 = hasAllTwins(asset.renditions, 'av1') ? 1 - watch.av1Share : 1;
  return slower ? watch.megabytes * SLOWER_SAVES * inH264 : 0;
}

/** What missing rungs bring their audience, less what keeping them costs: arms that surely are better by their points, others by being tried. */
function backfillWorth(
  { durationMs, complexityScale }: AssetDocument,
  watch: WatchForecast,
  today: PlannedToday | null,
  missing: readonly LadderRung[],
): number {
  const { unlockedShare = 0, gainMegabytes = 0, keptMegabytes = 0 } = today ?? {};
  const stored = missing.reduce((sum, { bitrateKbps }) => sum + (bitrateKbps * complexityScale * durationMs) / 8e6, 0);
  const brought = Math.max(UNLOCKED_WORTH * unlockedShare * watch.megabytes, gainMegabytes * watch.seconds);
  return brought - keptMegabytes * stored;
}

/** A title that has been tried saves what it saved then, or is not tried again. */
function inAv1(asset: AssetDocument, watch: WatchForecast): UpgradeProposal[] {
  const tried = asset.codecTrials?.find(({ codec }) => codec === 'av1');
  if (tried?.offered === false || hasAllTwins(asset.renditions, 'av1')) return [];
  const benefit = watch.megabytes * watch.av1Share * (tried?.savedShare ?? AV1_SAVES);
  return [{ assetId: asset.id, slower: false, missing: [], av1: true, benefit, cpuSeconds: av1CostOf(asset) }];
}

function av1CostOf({ source, renditions, durationMs }: AssetDocument): number {
  if (source === null) return Number.POSITIVE_INFINITY;
  const seconds = durationMs / 1000;
  const rungs = renditions.filter(({ codec }) => codec === 'h264');
  const decoding = (rungs.length * source.width * source.height * source.fps) / PIXELS_PER_CPU_SECOND.veryfast;
  const pixels = rungs.reduce((sum, { width, height, fps }) => sum + width * height * fps, 0);
  return decoding * seconds + (pixels / PIXELS_PER_CPU_SECOND.av1) * (seconds + AV1_TRIAL_SECONDS);
}

function costOf(asset: AssetDocument, slower: boolean, missing: readonly LadderRung[]): number {
  const { source, renditions, durationMs } = asset;
  if (source === null) return Number.POSITIVE_INFINITY;
  const sourceRate = source.width * source.height * source.fps;
  const again = slower ? renditions.filter(isFastMade) : [];
  const rates = [
    ...again.map(({ width, height, fps }) => width * height * fps),
    ...missing.map(({ height }) => sourceRate * Math.min(1, height / Math.min(source.width, source.height)) ** 2),
  ];
  // Each is made by a process of its own, so that it can be stopped between any two: each decodes the source.
  const perSecond = rates.reduce(
    (sum, rate) => sum + sourceRate / PIXELS_PER_CPU_SECOND.veryfast + rate / PIXELS_PER_CPU_SECOND.slow,
    0,
  );
  return perSecond * (durationMs / 1000);
}
