import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Arm, Context, RewardWeights } from '../../src/domain/index.ts';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import { PLAYER_NAMES } from '../../src/simulation/player-settings.ts';
import { type TitleLadder, titleLadder, titleProspect } from '../../src/simulation/rate-quality.ts';
import { drawThroughputBeforeKbps, drawWatchMs, familyRegion } from '../../src/simulation/simulate-sessions.ts';
import { componentsOf, simulateView, throughputCovariate } from '../../src/simulation/simulate-view.ts';
import type { Split } from './model-data.ts';

/** Components kept of every (session, device, arm), in this order; the last two are unclipped, for the guardrails. */
export const KEPT = ['quality', 'stall', 'startup', 'switches', 'mbps', 'stalledMs', 'playedMs'] as const;
const DEVICES = ['phone', 'desktop'] as const;
/** Each line meets each title this often, at another place and time. */
const STARTS = 2;

/** One possible view: what it is before it is offered anything. */
export type TableSession = {
  family: number;
  file: number;
  title: number;
  throughput: number;
  /** What its title promises, per device. */
  prospects: readonly [phone: number, desktop: number];
};

/** What every arm would have brought every session, by simulation. */
export type RewardTable = {
  contexts: Context[];
  families: string[];
  files: string[];
  sessions: TableSession[];
  /** Sessions of each family, by index. */
  byFamily: number[][];
  arms: number;
  /** [session][device][arm][KEPT] */
  values: Float64Array;
  /** Reward in points, [session][device][arm]. */
  rewards: Float64Array;
};

/** Where a (session, device, arm) stands in `rewards`; × KEPT.length in `values`. */
export const cellOf = (table: RewardTable, session: number, device: number, arm: number): number =>
  (session * DEVICES.length + device) * table.arms + arm;

type Plan = { sessions: TableSession[]; files: string[]; play: (write: (values: number[]) => void) => void };

/** Lays out every (trace file, title, start) of a split; the same data gives the same plan. */
function planTable(split: Split, arms: readonly Arm[], clips: RewardWeights): Plan {
  const rng = seededRng(7, `sessions of ${split.name}`);
  const sessions: TableSession[] = [];
  const files: string[] = [];
  const plays: ((write: (values: number[]) => void) => void)[] = [];
  const ladders: TitleLadder[][] = split.titles.map((title) =>
    arms.map(({ rungs }) =>
      titleLadder(
        title,
        rungs.map(({ bitrateKbps }) => bitrateKbps),
      ),
    ),
  );
  for (const [family, { name, traces }] of split.families.entries()) {
    for (const { name: file, trace } of traces) {
      files.push(`${name}/${file}`);
      for (const [title, known] of split.titles.entries()) {
        for (let start = 0; start < STARTS; start += 1) {
          const joinAtMs = rng() * trace.totalMs;
          const throughputBeforeKbps = drawThroughputBeforeKbps(trace, joinAtMs, rng);
          const wantedMs = drawWatchMs(rng);
          const player = PLAYER_NAMES[sessions.length % PLAYER_NAMES.length] ?? 'hls.js';
          const prospects = DEVICES.map((device) =>
            titleProspect(known, device, throughputBeforeKbps, clips.transparentQuality),
          ) as [number, number];
          sessions.push({
            family,
            file: files.length - 1,
            title,
            throughput: throughputCovariate(throughputBeforeKbps),
            prospects,
          });
          plays.push((write) => {
            const played = (ladders[title] ?? []).map((ladder) => ({
              ladder,
              playback: simulateView({ trace, joinAtMs, wantedMs, player, throughputBeforeKbps }, ladder),
            }));
            for (const device of DEVICES) {
              for (const { ladder, playback } of played) {
                const seen = componentsOf(playback, ladder, { device, throughputBeforeKbps, prospect: 0, clips });
                if (!seen) throw new Error(`${file}: a view of endless patience must start`);
                const { stalledMs, playedMs } = playback.final;
                write(KEPT.map((key) => (key === 'stalledMs' ? stalledMs : key === 'playedMs' ? playedMs : seen[key])));
              }
            }
          });
        }
      }
    }
  }
  return {
    sessions,
    files,
    play: (write) => {
      for (const play of plays) play(write);
    },
  };
}

/** The table of a split: from the cache when code and data are the same, else simulated (a minute or so). */
export async function rewardTable(
  split: Split,
  arms: readonly Arm[],
  weights: RewardWeights,
  dataHash: string,
): Promise<RewardTable> {
  const plan = planTable(split, arms, weights);
  const size = plan.sessions.length * DEVICES.length * arms.length * KEPT.length;
  const path = join(await cacheDirectory(), `${await cacheKey([split.name, dataHash, arms, weights])}.f64`);
  let values = await readCached(path, size);
  if (!values) {
    const made = new Float64Array(size);
    let next = 0;
    plan.play((row) => {
      made.set(row, next);
      next += row.length;
    });
    values = made;
    await writeFile(path, new Uint8Array(made.buffer));
  }
  return finish(split, arms.length, plan, values, weights);
}

/** Rewards of kept components under these weights (clips stay what they were simulated with). */
function scored(values: Float64Array, weights: RewardWeights): Float64Array {
  const points = [
    weights.quality,
    -weights.stallRatio,
    -weights.startupSecond,
    -weights.switchPerMinute,
    -weights.deliveredMbps,
  ];
  const rewards = new Float64Array(values.length / KEPT.length);
  for (let cell = 0; cell < rewards.length; cell += 1) {
    rewards[cell] = points.reduce((sum, point, index) => sum + point * (values[cell * KEPT.length + index] ?? 0), 0);
  }
  return rewards;
}

/** The same views under other weights. */
export const reweighted = (table: RewardTable, weights: RewardWeights): RewardTable => ({
  ...table,
  rewards: scored(table.values, weights),
});

/** Two tables of the same views with other arms, as one: the first one's arms, then the second one's. */
export function joinTables(first: RewardTable, second: RewardTable): RewardTable {
  const arms = first.arms + second.arms;
  const cells = first.sessions.length * DEVICES.length;
  const joined = (left: Float64Array, right: Float64Array, width: number): Float64Array => {
    const all = new Float64Array(cells * arms * width);
    for (let cell = 0; cell < cells; cell += 1) {
      const [from, size] = [cell * first.arms * width, first.arms * width];
      all.set(left.subarray(from, from + size), cell * arms * width);
      const [other, otherSize] = [cell * second.arms * width, second.arms * width];
      all.set(right.subarray(other, other + otherSize), cell * arms * width + size);
    }
    return all;
  };
  return {
    ...first,
    arms,
    values: joined(first.values, second.values, KEPT.length),
    rewards: joined(first.rewards, second.rewards, 1),
  };
}

function finish(split: Split, arms: number, plan: Plan, values: Float64Array, weights: RewardWeights): RewardTable {
  const rewards = scored(values, weights);
  return {
    contexts: split.families.flatMap(({ name }) =>
      DEVICES.map((device): Context => ({ region: familyRegion(name), device, connection: 'unknown' })),
    ),
    families: split.families.map(({ name }) => name),
    files: plan.files,
    sessions: plan.sessions,
    byFamily: split.families.map((_, family) =>
      plan.sessions.flatMap((session, index) => (session.family === family ? [index] : [])),
    ),
    arms,
    values,
    rewards,
  };
}

async function cacheDirectory(): Promise<string> {
  const directory = join(tmpdir(), 'nara-bench-learn');
  await mkdir(directory, { recursive: true });
  return directory;
}

/** Data, settings and the code that made the table. */
async function cacheKey(parts: unknown[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(parts));
  const room = fileURLToPath(new URL('../../src/simulation/', import.meta.url));
  const sources = (await readdir(room))
    .filter((file) => file.endsWith('.ts'))
    .toSorted()
    .map((file) => join(room, file));
  for (const file of [...sources, fileURLToPath(import.meta.url)]) hash.update(await readFile(file));
  return hash.digest('base64url').slice(0, 22);
}

async function readCached(path: string, size: number): Promise<Float64Array | null> {
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength !== size * 8) return null;
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  } catch {
    return null;
  }
}
