import {
  type Allocation,
  type Arm,
  type Context,
  contextKey,
  type PolicyConfig,
  type ViewStatistics,
} from '../../domain/index.ts';
import { WITHIN_VIEW_SD } from '../arm-response.ts';
import { bestProbabilities } from '../best-probabilities.ts';
import type { CellEvidence } from '../cell-evidence.ts';
import { type ContextPosterior, contrast } from '../context-posterior.ts';
import { ladderFamily } from '../ladder-families.ts';
import { modelCells } from '../model-cells.ts';
import { learnedArms } from '../pool-statistics.ts';
import { fitPosterior } from '../posterior.ts';
import { hash32, seededRng } from '../seeded-rng.ts';
import { bestLadder, type LineShare } from './best-ladder.ts';
import { kbpsOf, withoutTwins } from './near-twins.ts';
import { armsToRetire } from './retire-arms.ts';

/** Quality in points that renditions of about a bitrate have on a device, rising in bitrate. */
export type RateQuality = readonly { kbps: number; points: number }[];

/** A ladder worth trying: where it is expected to beat every arm there is, and by how much, before it had a view. */
export type SuggestedArm = {
  arm: Arm;
  places: { context: Context; gain: number; gainSd: number; pBest: number; views: number }[];
  /** Points per view over all views there are, were it given where it is expected to be the best. */
  worth: number;
};

export type Suggestions = { arms: SuggestedArm[]; retire: string[] };

/** A place with fewer views does not know its lines. */
const LEAST_VIEWS = 200;
/** What players hold of a line, and what they hold when it falls to a third: ladders are derived for both. */
const HELD_SHARES = [0.75, 0.25];
const GRID = Array.from({ length: 26 }, (_, step) => Math.round(100 * 80 ** (step / 25)));
const LINE_STEPS = 40;
/** Ladders nearer than this factor are one treatment to viewers. */
const TWIN_FACTOR = 1.06;
/** Most of the places' ladders are twins; the model is fitted once with those that are not. */
const MOST_CANDIDATES = 12;
/** Not worth an encode where the chance of being the best is less. */
const LEAST_P_BEST = 0.05;
const LEAST_WORTH_POINTS = 0.02;

/** Lines of a place as players go by them: lognormal, as its views knew them beforehand, and moving while one watches. */
function linesOf({ line }: CellEvidence, heldShare: number): LineShare[] {
  const sd = Math.hypot(line.sd, WITHIN_VIEW_SD);
  const raw = Array.from({ length: LINE_STEPS }, (_, step) => {
    const z = -2.5 + (5 * step) / (LINE_STEPS - 1);
    return { kbps: 1000 * heldShare * Math.exp(line.mean + sd * z), share: Math.exp(-(z * z) / 2) };
  });
  const total = raw.reduce((sum, { share }) => sum + share, 0);
  return raw.map(({ kbps, share }) => ({ kbps, share: share / total }));
}

/** Linear in log-bitrate between what was measured; beyond its ends as at them. */
export function pointsAt(curve: RateQuality, kbps: number): number {
  const next = curve.findIndex((each) => each.kbps >= kbps);
  const [low, high] = next < 0 ? [curve.at(-1), curve.at(-1)] : [curve[Math.max(0, next - 1)], curve[next]];
  if (!low || !high) return 0;
  if (high.kbps <= low.kbps) return low.points;
  const position = Math.min(1, Math.max(0, Math.log(kbps / low.kbps) / Math.log(high.kbps / low.kbps)));
  return low.points + position * (high.points - low.points);
}

function laddersFor(evidence: CellEvidence, curve: RateQuality, { reward, encode }: PolicyConfig): number[][] {
  const value = {
    points: (kbps: number) => Math.min(reward.transparentQuality, pointsAt(curve, kbps)) * reward.quality,
    pointsPerMbps: reward.deliveredMbps,
    stallPoints: reward.stallRatio,
    stallRatioClip: reward.stallRatioClip,
    pointsPerRung: encode.rungCostPoints,
  };
  const { maxRungs, mergeRatio } = encode;
  return HELD_SHARES.map((share) =>
    bestLadder({ lines: linesOf(evidence, share), value, grid: GRID, maxRungs, mergeRatio }),
  );
}

/** What a candidate is expected to add to a place, judged by the learner's own model: it inherits its prior by its features. */
function placesOf(
  posteriors: readonly ContextPosterior[],
  arms: readonly Arm[],
  known: ReadonlySet<string>,
): Map<string, SuggestedArm['places']> {
  const places = new Map<string, SuggestedArm['places']>();
  const isKnown = arms.map(({ id }) => known.has(id));
  for (const posterior of posteriors) {
    if (posterior.level !== 'cell') continue;
    const views = posterior.effectiveViews.reduce((sum, count) => sum + count, 0);
    const rng = seededRng(1, contextKey(posterior.context));
    const pBest = bestProbabilities(posterior, [...arms.keys()], rng, 500);
    const best = [...arms.keys()]
      .filter((arm) => isKnown[arm])
      .reduce((top, arm) => ((posterior.mean[arm] ?? 0) > (posterior.mean[top] ?? 0) ? arm : top), 0);
    for (const [index, { id }] of arms.entries()) {
      const { mean, sd } = contrast(posterior, index, best);
      if (isKnown[index] || (pBest[index] ?? 0) < LEAST_P_BEST || mean <= 0) continue;
      const place = { context: posterior.context, gain: mean, gainSd: sd, pBest: pBest[index] ?? 0, views };
      places.set(id, [...(places.get(id) ?? []), place]);
    }
  }
  return places;
}

/**
 * Ladders derived for each place from its measured lines and what renditions look like there (exactly, on a grid), near twins merged,
 * and judged by the model as arms without a view; at most `limit`, by what they are worth. And the arms that are surely never best.
 * Nothing is changed by this: an operator proposes, or does not.
 */
export function suggestArms(input: {
  config: PolicyConfig;
  statistics: readonly ViewStatistics[];
  allocation: Pick<Allocation, 'contexts' | 'effects'>;
  rateQuality: (device: Context['device']) => RateQuality;
  limit: number;
}): Suggestions {
  const { config, statistics, allocation } = input;
  const retire = armsToRetire(config, allocation);
  const current = learnedArms(config);
  const cells = modelCells(statistics, current, config, []).map(({ evidence }) => evidence);
  const viewsOf = ({ views }: CellEvidence): number => views.reduce((sum, count) => sum + count, 0);
  const derived = cells
    .filter((cell) => viewsOf(cell) >= LEAST_VIEWS && input.rateQuality(cell.context.device).length > 1)
    .sort((left, right) => viewsOf(right) - viewsOf(left))
    .flatMap((cell) => laddersFor(cell, input.rateQuality(cell.context.device), config))
    .filter((ladder) => ladder.length > 1);
  const fresh = withoutTwins(derived, config.arms.map(kbpsOf), TWIN_FACTOR).slice(0, MOST_CANDIDATES);
  const taken = new Set(config.arms.map(({ id }) => id));
  const candidates = fresh
    .map((kbps) => ladderFamily(`derived-${hash32(kbps.join()).toString(36)}`, kbps))
    .filter(({ id }) => !taken.has(id));
  if (candidates.length === 0) return { arms: [], retire };
  const tried = { ...config, arms: [...config.arms, ...candidates] };
  const { arms, contexts } = fitPosterior(statistics, tried, allocation.effects ?? null);
  const places = placesOf(contexts, arms, new Set(current.map(({ id }) => id)));
  const allViews = cells.reduce((sum, cell) => sum + viewsOf(cell), 0);
  const suggested = candidates
    .map((arm): SuggestedArm => {
      const here = places.get(arm.id) ?? [];
      const worth = here.reduce((sum, { gain, views }) => sum + gain * views, 0) / Math.max(1, allViews);
      return { arm, places: here.toSorted((left, right) => right.gain * right.views - left.gain * left.views), worth };
    })
    .filter(({ worth }) => worth >= LEAST_WORTH_POINTS)
    .sort((left, right) => right.worth - left.worth);
  return { arms: suggested.slice(0, input.limit), retire };
}
