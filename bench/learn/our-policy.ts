import { type Allocation, type PolicyConfig, VIEW_COMPONENTS, type ViewStatistics } from '../../src/domain/index.ts';
import { buildAllocation, coldAllocation } from '../../src/policy/allocate.ts';
import { chooseArm } from '../../src/policy/choose-arm.ts';
import { findEntry, indexAllocation } from '../../src/policy/index-allocation.ts';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import type { ReplayPolicy } from './replay.ts';
import { KEPT, type RewardTable } from './reward-table.ts';

/** A batch is six hours; the first comes at noon, so that half-way is never the turn of a day. */
const BATCHES_PER_DAY = 4;
const FIRST_BATCH = 2;
const SIZE = VIEW_COMPONENTS.length;

/** The product's own policy code, whole: statistics by decision day, refit, guards, baseline share, inverse-CDF draw. */
export function ourPolicy(
  table: RewardTable,
  config: PolicyConfig,
  seed: number,
  options: {
    /** Another config from a batch on; its arms are the table's, in order. */
    later?: { fromBatch: number; config: PolicyConfig };
    watch?: (allocation: Allocation, statistics: readonly ViewStatistics[], batch: number) => void;
  } = {},
): ReplayPolicy {
  const rng = seededRng(seed, 'our draws');
  const everyArm = (options.later?.config ?? config).arms;
  const position = new Map(everyArm.map(({ id }, index) => [id, index]));
  const treatments = {
    configVersion: config.configVersion,
    eligible: everyArm
      .map(({ id, baseline }) => ({ arm: id, baseline, setHash: id, rungs: [] }))
      .sort((left, right) => (left.arm < right.arm ? -1 : 1)),
  };
  const { createdAt } = config;
  let inForce = config;
  let allocation = coldAllocation({ config, seed, allocationVersion: 1, createdAt });
  let indexed = indexAllocation({ config, allocation });
  const rows = new Map<string, { day: number; row: ViewStatistics }>();
  let batches = 0;

  return {
    name: 'ours',
    choose({ context }) {
      const where = table.contexts[context];
      if (!where) return 0;
      const { arm } = chooseArm({ entry: findEntry(indexed, where), treatments, uniform: rng() });
      return position.get(arm) ?? 0;
    },
    learn(batch) {
      const day = Math.floor((batches + FIRST_BATCH) / BATCHES_PER_DAY);
      batches += 1;
      for (const { context, arm, throughput, prospect, session } of batch) {
        const key = `${context}|${arm}|${day}`;
        const known = rows.get(key) ?? { day, row: emptyRow(table, everyArm[arm]?.id, context, arm) };
        rows.set(key, known);
        addView(known.row, table.values.subarray((session * table.arms + arm) * KEPT.length), throughput, prospect);
      }
      const statistics = [...rows.values()].map(({ day: of, row }) => ({ ...row, ageDays: day - of }));
      const maturedViews = statistics.reduce((sum, { decided }) => sum + decided, 0);
      const previous = { config: inForce, allocation };
      if (options.later && batches >= options.later.fromBatch) inForce = options.later.config;
      const stamp = { seed: seed * 1000 + batches, allocationVersion: batches + 1, createdAt, maturedViews };
      allocation = buildAllocation({ ...stamp, config: inForce, statistics, previous });
      indexed = indexAllocation({ config: inForce, allocation });
      options.watch?.(allocation, statistics, batches);
    },
  };
}

function emptyRow(table: RewardTable, id: string | undefined, context: number, arm: number): ViewStatistics {
  const where = table.contexts[context];
  if (!where || id === undefined) throw new RangeError(`expected a known context and arm (got ${context}, ${arm})`);
  return {
    context: where,
    arm: id,
    allocationVersion: 0,
    eligibleSet: '',
    bucket: 0,
    ageDays: 0,
    clipped: { quality: 0, stall: 0, startup: 0, switches: 0 },
    capped: 0,
    implausible: 0,
    moments: new Array<number>((SIZE * (SIZE + 1)) / 2).fill(0),
    stalledMs: 0,
    playedMs: 0,
    decided: 0,
    failedToStart: 0,
    leftBeforeStart: 0,
    unobserved: 0,
  };
}

function addView(row: ViewStatistics, kept: Float64Array, throughput: number, prospect: number): void {
  const [quality = 0, stall = 0, startup = 0, switches = 0, mbps = 0, stalledMs = 0, playedMs = 0] = kept;
  const z = [1, throughput, quality, stall, startup, switches, mbps, 0, prospect];
  let index = 0;
  for (let left = 0; left < SIZE; left += 1) {
    for (let right = left; right < SIZE; right += 1) {
      row.moments[index] = (row.moments[index] ?? 0) + (z[left] ?? 0) * (z[right] ?? 0);
      index += 1;
    }
  }
  row.stalledMs += stalledMs;
  row.playedMs += playedMs;
  row.decided += 1;
}
