import { type Arm, type Context, type PolicyConfig, UNKNOWN_REGION, type ViewStatistics } from '../domain/index.ts';
import { cellEvidence } from './cell-evidence.ts';
import {
  type ContextPosterior,
  cellPosterior,
  deviceShares,
  type FittedCell,
  unseenPosterior,
} from './context-posterior.ts';
import { learnedArms, type PooledCell, poolStatistics } from './pool-statistics.ts';
import { fitSharedEffects, type SharedPrediction, type Whereabouts } from './shared-effects.ts';

/** The fitted model: every seen cell, every seen region, and everywhere else, in that order. */
export type Posterior = { arms: Arm[]; contexts: ContextPosterior[]; usedViews: number };

/** Predictions of the shared effects, computed once per place. */
function memoised(
  predict: (where: Whereabouts) => SharedPrediction,
): (region: string, device: string) => SharedPrediction {
  const known = new Map<string, SharedPrediction>();
  return (region, device) => {
    const key = `${region}|${device}`;
    const prediction = known.get(key) ?? predict({ region, deviceShares: new Map([[device, 1]]) });
    known.set(key, prediction);
    return prediction;
  };
}

/**
 * The hierarchical Gaussian model r = m_cell + a_arm + u_{region,arm} + v_{device,arm} + w_{cell,arm} + θ_cell(x − x̄) + ε,
 * ε ~ N(0, σ_cell²): m flat, the others N(0, priorSd²), views weighted by age. Exact; empty without usable views.
 */
export function fitPosterior(
  statistics: readonly ViewStatistics[],
  config: Pick<PolicyConfig, 'arms' | 'reward' | 'model'>,
): Posterior {
  const arms = learnedArms(config);
  const pooledCells = poolStatistics(statistics, arms, config.model.dailyDecay);
  const known = new Set(arms.map((arm) => arm.id));
  const usedViews = statistics.reduce((sum, row) => sum + (known.has(row.arm) ? (row.moments[0] ?? 0) : 0), 0);
  if (pooledCells.length === 0) return { arms, contexts: [], usedViews };
  const evidence = cellEvidence(pooledCells, config);
  const { priorSd } = config.model;
  const predict = fitSharedEffects(evidence, arms.length, priorSd);
  const predictCell = memoised(predict);
  const fitted = evidence.map((cell, index): FittedCell => {
    const pooled = pooledCells[index] as PooledCell;
    const shared = predictCell(cell.context.region, cell.context.device);
    return { pooled, evidence: cell, posterior: cellPosterior(pooled, cell, shared, priorSd.cell) };
  });
  const regions = [...new Set(evidence.map((cell) => cell.context.region))].map((region) => {
    const cells = fitted.filter((cell) => cell.evidence.context.region === region);
    const shared = predict({ region, deviceShares: deviceShares(cells) });
    return unseenPosterior({ region, device: 'unknown', connection: 'unknown' }, 'region', cells, shared, priorSd.cell);
  });
  const anywhere: Context = { region: UNKNOWN_REGION, device: 'unknown', connection: 'unknown' };
  const shared = predict({ region: null, deviceShares: deviceShares(fitted) });
  const global = unseenPosterior(anywhere, 'global', fitted, shared, priorSd.cell);
  return { arms, contexts: [...fitted.map((cell) => cell.posterior), ...regions, global], usedViews };
}
