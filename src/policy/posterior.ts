import { type Arm, type Context, type PolicyConfig, UNKNOWN_REGION, type ViewStatistics } from '../domain/index.ts';
import {
  averageDesign,
  type ContextPosterior,
  cellPosterior,
  type FittedCell,
  unseenPosterior,
} from './context-posterior.ts';
import { type CellChange, detectChanges } from './detect-changes.ts';
import { effectSds, isMeasureDue, type MeasuredEffects, measureEffects } from './effect-sds.ts';
import { modelCells, shareEffects } from './model-cells.ts';
import { learnedArms } from './pool-statistics.ts';
import type { SharedCell, SharedEffects } from './shared-effects.ts';

/** The fitted model: every seen cell, every seen region, and everywhere else, in that order. */
export type Posterior = {
  arms: Arm[];
  contexts: ContextPosterior[];
  usedViews: number;
  changes: CellChange[];
  /** The effects' standard deviations it was fitted under; null while they are the configured ones. */
  effects: MeasuredEffects | null;
};

/**
 * The hierarchical Gaussian model r = m_cell + a_arm + u_{region,arm} + v_{device,arm} + w_{cell,arm} + φ_{cell,arm}·(β + β_device + β_cell)
 * + θ_cell(x − x̄) + ε, ε ~ N(0, σ_cell²): m flat, β about its simulated value, the others about 0, views weighted by age; φ is
 * what a ladder is on a cell's lines. Exact; empty without usable views. `measured` effects are kept until they are due.
 */
export function fitPosterior(
  statistics: readonly ViewStatistics[],
  config: Pick<PolicyConfig, 'arms' | 'reward' | 'model'>,
  measured: MeasuredEffects | null = null,
): Posterior {
  const arms = learnedArms(config);
  const known = new Set(arms.map((arm) => arm.id));
  const usedViews = statistics.reduce((sum, row) => sum + (known.has(row.arm) ? (row.moments[0] ?? 0) : 0), 0);
  const changes = detectChanges(statistics, config.reward);
  const cells = modelCells(statistics, arms, config, changes);
  if (cells.length === 0) return { arms, contexts: [], usedViews, changes, effects: measured };
  const configured = effectSds(config.model);
  const effects = isMeasureDue(measured, usedViews)
    ? { views: usedViews, sds: measureEffects(cells, arms.length, configured, measured?.sds ?? configured) }
    : measured;
  const { shared, informed } = shareEffects(cells, arms.length, effects?.sds ?? configured);
  const fitted = cells.map(({ pooled, evidence }, index): FittedCell => {
    const { information, design } = informed[index] as SharedCell;
    const prediction = shared.predict(evidence.context.region, design);
    const posterior = cellPosterior(pooled, evidence, prediction, information);
    return { pooled, evidence, posterior, design, ownCovariance: information.ownCovariance };
  });
  const contexts = [...fitted.map((cell) => cell.posterior), ...unseen(fitted, shared)];
  return { arms, contexts, usedViews, changes, effects };
}

/** Any other cell of each seen region, and any cell of any other region. */
function unseen(fitted: readonly FittedCell[], shared: SharedEffects): ContextPosterior[] {
  const somewhere = (region: string): Context => ({ region, device: 'unknown', connection: 'unknown' });
  const regions = [...new Set(fitted.map((cell) => cell.evidence.context.region))].map((region) => {
    const cells = fitted.filter((cell) => cell.evidence.context.region === region);
    return unseenPosterior(somewhere(region), 'region', cells, shared.predict(region, averageDesign(cells)));
  });
  const prediction = shared.predict(null, averageDesign(fitted));
  return [...regions, unseenPosterior(somewhere(UNKNOWN_REGION), 'global', fitted, prediction)];
}
