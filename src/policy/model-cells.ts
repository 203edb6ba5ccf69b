import { type Arm, contextKey, type PolicyConfig, type ViewStatistics } from '../domain/index.ts';
import { responseFeatures } from './arm-response.ts';
import { type CellEvidence, cellEvidence } from './cell-evidence.ts';
import { cellInformation, ownCovariance } from './cell-information.ts';
import type { CellChange } from './detect-changes.ts';
import { type Matrix, timesVector } from './matrix.ts';
import { type PooledCell, poolStatistics } from './pool-statistics.ts';
import {
  cellDesign,
  type EffectSds,
  expectedEffects,
  fitSharedEffects,
  type SharedCell,
  type SharedEffects,
  sharedLayout,
} from './shared-effects.ts';

/** A cell with what tells its arms apart. */
export type ModelCell = { pooled: PooledCell; evidence: CellEvidence; features: Matrix };

/** Statistics as the cells of the model, before anything is shared between them. */
export function modelCells(
  statistics: readonly ViewStatistics[],
  arms: readonly Arm[],
  config: Pick<PolicyConfig, 'reward' | 'model'>,
  changes: readonly CellChange[],
): ModelCell[] {
  const changedAges = new Map(changes.map(({ context, ageDays }) => [contextKey(context), ageDays]));
  const pooledCells = poolStatistics(statistics, arms, config.model.dailyDecay, changedAges);
  return cellEvidence(pooledCells, config).map((evidence, index) => ({
    pooled: pooledCells[index] as PooledCell,
    evidence,
    features: responseFeatures(arms, evidence.line),
  }));
}

/** The shared effects of cells under given standard deviations, and the cells as those see them. */
export function shareEffects(
  cells: readonly ModelCell[],
  arms: number,
  sds: EffectSds,
): { shared: SharedEffects; informed: SharedCell[] } {
  const layout = sharedLayout(
    arms,
    cells.map(({ evidence }) => evidence.context.device),
  );
  const expected = expectedEffects(layout, sds);
  const informed = cells.map(({ evidence, features }): SharedCell => {
    const design = cellDesign(layout, evidence.context.device, features);
    const own = ownCovariance(features, sds.cell, sds.responseCell);
    const information = cellInformation(evidence, own, timesVector(design, expected));
    return { context: evidence.context, features, design, information };
  });
  return { shared: fitSharedEffects(informed, layout, sds, expected), informed };
}
