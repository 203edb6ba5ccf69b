import type { PolicyConfig } from '../domain/index.ts';
import { type ModelCell, shareEffects } from './model-cells.ts';
import type { EffectSds } from './shared-effects.ts';

/** Nothing is known to be exactly nothing: keeps an effect that is switched off invertible. */
const LEAST_SD = 1e-4;
/** How far (standard deviations of the logarithm) evidence may easily pull an sd from the configured one. */
const DOUBT = 0.7;
/** Rounds of the search, coarse to fine: factors by which each sd in turn is tried larger and smaller. */
const FACTORS = [2, 1.5, 1.2];
/** Fewer views than this say nothing of how effects vary. */
const LEAST_VIEWS = 2000;
/** The cells with the most views say nearly all there is to say; the search looks at all of them some forty times. */
const MOST_CELLS = 48;
/** Own cadence: variances are measured again when there is this much more evidence, not at every refit. */
const VIEWS_GROWTH = 1.5;

/** What was measured of the effects, and on how many views. */
export type MeasuredEffects = { views: number; sds: EffectSds };

/** The configured standard deviations, before any were measured. */
export function effectSds({ priorSd }: PolicyConfig['model']): EffectSds {
  const atLeast = (sd: number): number => Math.max(LEAST_SD, sd);
  return {
    arm: atLeast(priorSd.arm),
    region: atLeast(priorSd.region),
    device: atLeast(priorSd.device),
    cell: atLeast(priorSd.cell),
    response: atLeast(priorSd.response),
    responseDevice: atLeast(priorSd.responseDevice),
    responseRegion: atLeast(priorSd.responseRegion),
    responseCell: atLeast(priorSd.responseCell),
  };
}

/** Whether variances should be measured (again) at this many views. */
export const isMeasureDue = (measured: MeasuredEffects | null, views: number): boolean =>
  views >= LEAST_VIEWS && (measured === null || views >= measured.views * VIEWS_GROWTH);

/**
 * Empirical Bayes: the standard deviations under which the evidence is likeliest, with a lognormal prior about the configured ones,
 * by coordinate search from `from`. Effects that are switched off stay off. Deterministic.
 */
export function measureEffects(
  cells: readonly ModelCell[],
  arms: number,
  configured: EffectSds,
  from: EffectSds,
): EffectSds {
  const viewsOf = ({ evidence }: ModelCell): number => evidence.views.reduce((sum, views) => sum + views, 0);
  const seen = cells.toSorted((left, right) => viewsOf(right) - viewsOf(left)).slice(0, MOST_CELLS);
  const names = (Object.keys(configured) as (keyof EffectSds)[]).filter((name) => configured[name] > LEAST_SD);
  const cost = (sds: EffectSds): number =>
    shareEffects(seen, arms, sds).shared.deviance +
    names.reduce((sum, name) => sum + (Math.log(sds[name] / configured[name]) / DOUBT) ** 2, 0);
  let [best, bestCost] = [from, cost(from)];
  for (const factor of FACTORS) {
    for (const name of names) {
      for (const step of [factor, 1 / factor]) {
        const tried = { ...best, [name]: best[name] * step };
        const triedCost = cost(tried);
        if (triedCost >= bestCost) continue;
        [best, bestCost] = [tried, triedCost];
        break;
      }
    }
  }
  return best;
}
