import { type Arm, type Context, contextKey, type PolicyConfig, type ViewStatistics } from '../domain/index.ts';

/** Additive statistics of views, every view weighted by its age. */
export type PooledSums = Pick<
  ViewStatistics,
  'moments' | 'stalledMs' | 'playedMs' | 'decided' | 'failedToStart' | 'leftBeforeStart' | 'unobserved'
>;

/** What is known of one arm in one cell, as a whole and by bucket of address blocks; buckets without views are missing. */
export type PooledArm = PooledSums & { buckets: ReadonlyMap<number, PooledSums> };

/** One cell's evidence, by position in the arms it was pooled for. */
export type PooledCell = { context: Context; key: string; arms: PooledArm[] };

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

function compareRungs(left: Arm, right: Arm): number {
  const steps = Math.max(left.rungs.length, right.rungs.length);
  for (let index = 0; index < steps; index += 1) {
    const difference = (left.rungs[index]?.bitrateKbps ?? 0) - (right.rungs[index]?.bitrateKbps ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The arms that take part in learning, baseline first. The order comes from the ladders, not their names, so that
 * renaming arms only renames the result.
 */
export function learnedArms(config: Pick<PolicyConfig, 'arms'>): Arm[] {
  return config.arms
    .filter((arm) => arm.baseline || arm.state === 'active')
    .sort(
      (left, right) =>
        Number(right.baseline) - Number(left.baseline) || compareRungs(left, right) || compareText(left.id, right.id),
    );
}

const rowKey = (row: ViewStatistics): string =>
  [contextKey(row.context), row.arm, row.ageDays, row.allocationVersion, row.eligibleSet, row.bucket].join('|');

/** Rows in an order that depends on nothing but the rows, so that floating-point sums are the same in any order. */
export function inStableOrder(statistics: readonly ViewStatistics[]): ViewStatistics[] {
  return statistics
    .map((row) => ({ row, key: rowKey(row) }))
    .sort(
      (left, right) =>
        compareText(left.key, right.key) || compareText(JSON.stringify(left.row), JSON.stringify(right.row)),
    )
    .map(({ row }) => row);
}

const nothing = (momentCount: number): PooledSums => ({
  moments: new Array<number>(momentCount).fill(0),
  stalledMs: 0,
  playedMs: 0,
  decided: 0,
  failedToStart: 0,
  leftBeforeStart: 0,
  unobserved: 0,
});

function addWeighted(pool: PooledSums, row: Readonly<PooledSums>, weight: number): void {
  for (const [index, value] of row.moments.entries()) {
    pool.moments[index] = (pool.moments[index] ?? 0) + weight * value;
  }
  pool.stalledMs += weight * row.stalledMs;
  pool.playedMs += weight * row.playedMs;
  pool.decided += weight * row.decided;
  pool.failedToStart += weight * row.failedToStart;
  pool.leftBeforeStart += weight * row.leftBeforeStart;
  pool.unobserved += weight * row.unobserved;
}

/** The statistics of both. */
export function addedSums(left: PooledSums, right: PooledSums): PooledSums {
  const sum = nothing(left.moments.length);
  addWeighted(sum, left, 1);
  addWeighted(sum, right, 1);
  return sum;
}

type GrowingArm = PooledSums & { buckets: Map<number, PooledSums> };
type GrowingCell = Omit<PooledCell, 'arms'> & { arms: GrowingArm[] };
const growingArm = (momentCount: number): GrowingArm => ({ ...nothing(momentCount), buckets: new Map() });

/** What views from before a cell's change still count for: enough to notice that nothing changed after all. */
const BEFORE_CHANGE_WEIGHT = 0.02;

/**
 * Sums the rows of each (cell, arm), a view of age d days counting `dailyDecay`^d, and next to nothing when it is older than its
 * cell's age in `changedAges`. Cells by key; cells without a scored view and
 * unknown arms are left out.
 */
export function poolStatistics(
  statistics: readonly ViewStatistics[],
  arms: readonly Pick<Arm, 'id'>[],
  dailyDecay: number,
  changedAges: ReadonlyMap<string, number> = new Map(),
): PooledCell[] {
  const position = new Map(arms.map((arm, index) => [arm.id, index]));
  const cells = new Map<string, GrowingCell>();
  for (const row of inStableOrder(statistics)) {
    const pool = position.get(row.arm);
    if (pool === undefined) continue;
    const key = contextKey(row.context);
    const cell = cells.get(key) ?? { context: row.context, key, arms: arms.map(() => growingArm(row.moments.length)) };
    cells.set(key, cell);
    const arm = cell.arms[pool];
    const isBefore = row.ageDays > (changedAges.get(key) ?? Number.POSITIVE_INFINITY);
    if (!arm) continue;
    const weight = dailyDecay ** row.ageDays * (isBefore ? BEFORE_CHANGE_WEIGHT : 1);
    const bucket = arm.buckets.get(row.bucket) ?? nothing(row.moments.length);
    arm.buckets.set(row.bucket, bucket);
    addWeighted(arm, row, weight);
    addWeighted(bucket, row, weight);
  }
  return [...cells.values()].filter((cell) => cell.arms.some((arm) => (arm.moments[0] ?? 0) > 0));
}
