import {
  type Context,
  DEVICES,
  type PolicyConfig,
  policyConfigSchema,
  type ViewComponent,
} from '../../src/domain/index.ts';
import { defaultConfig } from '../../src/policy/ladder-families.ts';
import { PLAIN_EFFECTS, testArms, uniforms } from '../../test/policy/policy-fixtures.ts';
import { normals } from '../safety/chance.ts';

const REGIONS = ['NO', 'SE', 'IN'];
const ARMS = 8;
const BASELINE_POINTS = 70;
/** Points of the other arms, best first: what there is to win, and by how much it is won. */
const BEST = [2.2, 3, 3.5, 4, 5, 6];
const GAPS = [2, 2.2, 2.5, 3, 3.5, 4];
const REST_POINTS = { mean: -3, sd: 1.5 };

/** ln(Mbit/s) of blocks' lines, and what a unit of it is worth. */
const LINE = { mean: 1.4, sd: 0.8, points: 6 };
const QUALITY_SD = 10;
const STALLING_VIEWS = 0.2;
const STALL_RATIO = 0.1;
const VIEW_MS = 60_000;

/** A place with what every arm is worth in it; `best` and `second` by position in the config's arms. */
export type Place = { context: Context; points: number[]; best: number; second: number };

/** What a view tells. */
export type Report = Record<ViewComponent, number> & { stalledMs: number; playedMs: number };

export type Chance = { uniform: () => number; normal: () => number };

export const chanceOf = (seed: number): Chance => {
  const uniform = uniforms(seed);
  return { uniform, normal: normals(uniform) };
};

/** Eight ladders whose likeness says nothing, scored by the default reward. */
export function poisonedConfig(): PolicyConfig {
  const base = defaultConfig({ createdAt: '2026-01-01T00:00:00.000Z' });
  const exploration = { ...base.exploration, posteriorDraws: 600 };
  const model = { ...base.model, priorSd: PLAIN_EFFECTS };
  return policyConfigSchema.parse({ ...base, arms: testArms(ARMS), model, exploration });
}

/** Six contexts in which one arm is best, by two points or more. */
export function placesOf({ uniform, normal }: Chance): Place[] {
  return BEST.map((gain, index): Place => {
    const order = Array.from({ length: ARMS - 1 }, (_, arm) => arm + 1)
      .map((arm) => ({ arm, at: uniform() }))
      .sort((left, right) => left.at - right.at);
    const [best = 1, second = 2] = order.map(({ arm }) => arm);
    const secondGain = gain - (GAPS[index] ?? 2);
    const points = Array.from({ length: ARMS }, (_, arm) => {
      if (arm === 0) return 0;
      if (arm === best) return gain;
      return arm === second ? secondGain : Math.min(secondGain, REST_POINTS.mean + REST_POINTS.sd * normal());
    });
    const context: Context = {
      region: REGIONS[index >> 1] ?? 'NO',
      device: DEVICES[index % 2 === 0 ? 0 : 2] ?? 'phone',
      connection: 'unknown',
    };
    // The baseline may be the runner-up.
    return { context, points, best, second: secondGain > 0 ? second : 0 };
  });
}

/** ln(Mbit/s) of a block's line. */
export const lineOf = ({ normal }: Chance): number => LINE.mean + LINE.sd * normal();

/** What an honest view tells, of an arm worth `points`, on a line. */
export function honestReport(points: number, line: number, { uniform, normal }: Chance): Report {
  const stall = uniform() < STALLING_VIEWS ? Math.min(0.9, -Math.log(1 - uniform()) * STALL_RATIO) : 0;
  const quality = BASELINE_POINTS + points + LINE.points * (line - LINE.mean) + QUALITY_SD * normal();
  return { ...NOTHING, throughput: line, quality, stall: Math.min(0.5, stall), ...watched(stall) };
}

/** The worst that a view can say. */
export const worstReport = (line: number): Report => ({
  ...NOTHING,
  throughput: line,
  stall: 0.5,
  startup: 10,
  switches: 10,
  ...watched(0.95),
});

/** The best that a view can say. */
export const bestReport = (line: number): Report => ({ ...NOTHING, throughput: line, quality: 95, ...watched(0) });

const NOTHING = {
  one: 1,
  throughput: 0,
  quality: 0,
  stall: 0,
  startup: 0,
  switches: 0,
  mbps: 0,
  failure: 0,
  prospect: 0,
};
const watched = (stall: number) => ({ stalledMs: VIEW_MS * stall, playedMs: VIEW_MS * (1 - stall) });
