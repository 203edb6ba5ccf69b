import type { Allocation, Context, ContextAllocation, FallbackLevel, PolicyConfig } from '../domain/index.ts';
import { contextKey } from '../domain/index.ts';
import { add, type Matrix, zeros } from './matrix.ts';
import type { KnownShares } from './treatment-shares.ts';

/** One entry of an allocation, ready for many decisions. */
export type IndexedEntry = {
  entry: ContextAllocation;
  /** Probability per arm id when all arms are eligible. */
  weights: ReadonlyMap<string, number>;
  /** Arm ids from best to worst by P(best), then mean; guarded arms are left out. */
  ranking: readonly string[];
  guarded: ReadonlySet<string>;
  /** Where each arm stands in the entry. */
  positions: ReadonlyMap<string, number>;
  /** The arms' joint posterior in the entry's order; null where the document has none. */
  joint: { mean: Float64Array; covariance: Matrix } | null;
  /** What P(best) among fewer treatments is drawn by. */
  drawing: { exploration: PolicyConfig['exploration']; seed: number };
  /** Shares on kinds of assets, as far as they were asked for. */
  known: KnownShares;
};

/** A config and an allocation fitted under it, ready for many decisions. */
export type IndexedAllocation = {
  config: PolicyConfig;
  allocation: Allocation;
  cells: ReadonlyMap<string, IndexedEntry>;
  regions: ReadonlyMap<string, IndexedEntry>;
  /** The global entry, or the cold one before anything has been learned. */
  everywhere: IndexedEntry;
};

function indexEntry(entry: ContextAllocation, drawing: IndexedEntry['drawing']): IndexedEntry {
  const ranking = entry.arms
    .filter((arm) => arm.guard === 'ok')
    .sort((left, right) => right.pBest - left.pBest || right.mean - left.mean || (left.arm < right.arm ? -1 : 1))
    .map((arm) => arm.arm);
  return {
    entry,
    weights: new Map(entry.arms.map((arm) => [arm.arm, arm.weight])),
    ranking,
    guarded: new Set(entry.arms.filter((arm) => arm.guard !== 'ok').map((arm) => arm.arm)),
    positions: new Map(entry.arms.map(({ arm }, index) => [arm, index])),
    joint: jointOf(entry),
    drawing,
    known: { byAsset: new WeakMap(), pinned: new WeakMap(), byKind: new Map() },
  };
}

/** The document keeps the lower triangle, row by row. */
function jointOf({ arms, covariance }: ContextAllocation): IndexedEntry['joint'] {
  const size = arms.length;
  if (covariance?.length !== (size * (size + 1)) / 2) return null;
  const square = zeros(size, size);
  let index = 0;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const value = covariance[index] ?? 0;
      index += 1;
      add(square, row, column, value);
      if (row !== column) add(square, column, row, value);
    }
  }
  return { mean: Float64Array.from(arms, ({ mean }) => mean), covariance: square };
}

/** Prepares look-ups. Throws RangeError when the allocation has neither a global nor a cold entry. */
export function indexAllocation(policy: { config: PolicyConfig; allocation: Allocation }): IndexedAllocation {
  const drawing = { exploration: policy.config.exploration, seed: policy.allocation.seed };
  const entries = policy.allocation.contexts.map((entry) => indexEntry(entry, drawing));
  const atLevel = (level: ContextAllocation['level']): IndexedEntry[] =>
    entries.filter(({ entry }) => entry.level === level);
  const everywhere = atLevel('global')[0] ?? atLevel('cold')[0];
  if (!everywhere) throw new RangeError('allocation.contexts: expected a global or a cold entry (got neither)');
  return {
    ...policy,
    cells: new Map(atLevel('cell').map((indexed) => [contextKey(indexed.entry), indexed])),
    regions: new Map(atLevel('region').map((indexed) => [indexed.entry.region, indexed])),
    everywhere,
  };
}

/** The most specific entry for a context: its cell, its region, everywhere, or the cold prior. */
export function findEntry(indexed: IndexedAllocation, context: Context): IndexedEntry {
  return indexed.cells.get(contextKey(context)) ?? indexed.regions.get(context.region) ?? indexed.everywhere;
}

/** The entry that stands for this level of a context, or the next wider one there is. */
export function entryAtLevel(indexed: IndexedAllocation, level: FallbackLevel, context: Context): IndexedEntry {
  if (level === 'cell') return findEntry(indexed, context);
  if (level === 'region') return indexed.regions.get(context.region) ?? indexed.everywhere;
  return indexed.everywhere;
}
