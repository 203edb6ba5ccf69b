import {
  type Allocation,
  type PolicyConfig,
  STATISTICS_BUCKETS,
  VIEW_COMPONENTS,
  type ViewStatistics,
} from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { chooseArm } from '../../src/policy/choose-arm.ts';
import { findEntry, indexAllocation } from '../../src/policy/index-allocation.ts';
import { hash32 } from '../../src/policy/seeded-rng.ts';
import { statisticsOf } from '../../test/policy/policy-fixtures.ts';
import {
  bestReport,
  type Chance,
  chanceOf,
  honestReport,
  lineOf,
  type Place,
  placesOf,
  type Report,
  worstReport,
} from './world.ts';

const BATCHES = 32;
const BATCHES_PER_DAY = 4;
const VIEWS_PER_BATCH = 110;
/** As the statistics' query has it: so many views of a block count fully per cell, arm and day. */
const BLOCK_CAP = 30;

/** Who lies, and how. `blocks` per context; `traffic` of a liar's block beside an honest one's. */
export type Attack = {
  share: number;
  blocks: number;
  traffic: number;
  /**
   * `hard`: the worst of the best arm, the best of the second. `praise`: only the latter, which no view shows to be a lie. `quiet`: as
   * honest views, but this many points off.
   */
  lie: 'hard' | 'praise' | { quietPoints: number };
};

export type Outcome = {
  /** Points per view below each context's best arm. */
  regret: number;
  /** Contexts whose favourite at the end is not the best arm. */
  wrong: number;
};

type BlockOfContext = { id: string; line: number; lies: boolean };
type Sums = { row: ViewStatistics; block: string; lies: boolean; views: number };

/** One installation from its first view on, by the product's own allocation, decisions and statistics per bucket of blocks. */
export function play(config: PolicyConfig, attack: Attack, seed: number, robust: boolean): Outcome {
  const places = placesOf(chanceOf(7000 + seed));
  const chance = chanceOf(100 + seed);
  const blocks = places.map((_, index) => blocksOf(attack, index, seed));
  const sums = new Map<string, Sums>();
  const { createdAt } = config;
  let allocation = coldAllocation({ config, seed, allocationVersion: 1, createdAt });
  let regret = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const day = Math.floor(batch / BATCHES_PER_DAY);
    const indexed = indexAllocation({ config, allocation });
    for (const [index, place] of places.entries()) {
      const entry = findEntry(indexed, place.context);
      for (let view = 0; view < VIEWS_PER_BATCH; view += 1) {
        const block = pickBlock(blocks[index] ?? [], attack, chance);
        const { arm } = chooseArm({ entry, treatments: treatmentsOf(config), uniform: chance.uniform() });
        const position = config.arms.findIndex(({ id }) => id === arm);
        regret += (place.points[place.best] ?? 0) - (place.points[position] ?? 0);
        addReport(sums, { place, arm, day, block }, reportOf(place, position, block, attack, chance));
      }
    }
    const stamp = { config, seed: seed * 1000 + batch, allocationVersion: batch + 2, createdAt, maturedViews: 0 };
    const statistics = [...sums.values()].map((each) => asCounted(each, day, robust));
    allocation = buildAllocation({ ...stamp, statistics, previous: { config, allocation } });
  }
  return {
    regret: regret / (BATCHES * VIEWS_PER_BATCH * places.length),
    wrong: places.filter((place) => favourite(config, allocation, place) !== place.best).length,
  };
}

function blocksOf({ share, blocks }: Attack, index: number, seed: number): BlockOfContext[] {
  const chance = chanceOf(31 * seed + index + 1);
  const liars = Math.ceil(share * blocks);
  return Array.from({ length: blocks }, (_, n) => ({
    id: `block ${index} ${seed} ${n}`,
    line: lineOf(chance),
    lies: n < liars,
  }));
}

/** A view's block: liars' come first in the list. */
function pickBlock(blocks: readonly BlockOfContext[], { share, traffic }: Attack, { uniform }: Chance): BlockOfContext {
  const liars = Math.ceil(share * blocks.length);
  const ofLiars = (liars * traffic) / (liars * traffic + blocks.length - liars);
  const [from, count] = uniform() < ofLiars ? [0, liars] : [liars, blocks.length - liars];
  return blocks[from + Math.floor(uniform() * count)] as BlockOfContext;
}

function reportOf(place: Place, arm: number, block: BlockOfContext, { lie }: Attack, chance: Chance): Report {
  const points = place.points[arm] ?? 0;
  const targeted = block.lies && (arm === place.best || arm === place.second);
  if (!targeted) return honestReport(points, block.line, chance);
  const down = arm === place.best;
  if (lie === 'praise') return down ? honestReport(points, block.line, chance) : bestReport(block.line);
  if (lie === 'hard') return down ? worstReport(block.line) : bestReport(block.line);
  return honestReport(points + (down ? -1 : 1) * lie.quietPoints, block.line, chance);
}

type Where = { place: Place; arm: string; day: number; block: BlockOfContext };

/** Honest blocks are far below the cap and may be summed by bucket; a liar's is kept apart, to be capped. */
function addReport(sums: Map<string, Sums>, { place, arm, day, block }: Where, report: Report): void {
  const bucket = (hash32(block.id) >>> 0) % STATISTICS_BUCKETS;
  const { region, device } = place.context;
  const key = `${region} ${device} ${arm} ${day} ${block.lies ? block.id : bucket}`;
  const { context } = place;
  const known = sums.get(key) ?? {
    row: { ...statisticsOf({ context, arm, ageDays: day, bucket }, []), playedMs: 0, decided: 0 },
    block: block.id,
    lies: block.lies,
    views: 0,
  };
  sums.set(key, known);
  known.views += 1;
  const { row } = known;
  let index = 0;
  for (const [left, name] of VIEW_COMPONENTS.entries()) {
    for (const other of VIEW_COMPONENTS.slice(left)) {
      row.moments[index] = (row.moments[index] ?? 0) + report[name] * report[other];
      index += 1;
    }
  }
  row.stalledMs += report.stalledMs;
  row.playedMs += report.playedMs;
  row.decided += 1;
}

/** Today's age, capped as the query caps; without buckets where means are to be plain. */
function asCounted({ row, lies, views }: Sums, today: number, robust: boolean): ViewStatistics {
  const weight = lies ? Math.min(1, BLOCK_CAP / views) : 1;
  return {
    ...row,
    ageDays: today - row.ageDays,
    bucket: robust ? row.bucket : 0,
    moments: weight === 1 ? row.moments : row.moments.map((moment) => weight * moment),
    stalledMs: weight * row.stalledMs,
    playedMs: weight * row.playedMs,
    decided: weight * row.decided,
  };
}

const treatmentsByConfig = new WeakMap<PolicyConfig, Parameters<typeof chooseArm>[0]['treatments']>();
function treatmentsOf(config: PolicyConfig): Parameters<typeof chooseArm>[0]['treatments'] {
  const known = treatmentsByConfig.get(config);
  if (known) return known;
  const eligible = config.arms
    .map(({ id, baseline }) => ({ arm: id, baseline, setHash: id, rungs: [] }))
    .sort((left, right) => (left.arm < right.arm ? -1 : 1));
  const treatments = { configVersion: config.configVersion, eligible };
  treatmentsByConfig.set(config, treatments);
  return treatments;
}

function favourite(config: PolicyConfig, allocation: Allocation, place: Place): number {
  const best = findEntry(indexAllocation({ config, allocation }), place.context).ranking[0];
  return config.arms.findIndex(({ id }) => id === best);
}
