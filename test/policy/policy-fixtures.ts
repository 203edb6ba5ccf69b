import {
  type Arm,
  type Context,
  type PolicyConfig,
  policyConfigSchema,
  VIEW_COMPONENTS,
  type ViewComponent,
  type ViewStatistics,
} from '../../src/domain/index.ts';
import { defaultConfig, ladderFamily } from '../../src/policy/ladder-families.ts';
import type { ResolvableRendition } from '../../src/policy/resolve-arm.ts';

export const CREATED_AT = '2026-03-01T12:00:00.000Z';

/** Effects that have nothing to do with what the arms' ladders are: tests state them as they like. */
export const PLAIN_EFFECTS = {
  arm: 2,
  region: 2.5,
  device: 1.5,
  cell: 2,
  response: 0,
  responseDevice: 0,
  responseCell: 0,
};

/** A config whose reward is the quality component alone, so that tests can state rewards directly. */
export function testConfig(changes: Partial<PolicyConfig> = {}): PolicyConfig {
  const base = defaultConfig({ createdAt: CREATED_AT });
  const reward = {
    ...base.reward,
    stallRatio: 0,
    startupSecond: 0,
    switchPerMinute: 0,
    deliveredMbps: 0,
    startFailure: 0,
  };
  const model = { ...base.model, priorSd: PLAIN_EFFECTS };
  return policyConfigSchema.parse({ ...base, reward, model, ...changes });
}

/** `count` arms, the first of them the baseline. */
export function testArms(count: number): Arm[] {
  return Array.from({ length: count }, (_, index) => {
    const bitrates = [150 + index, 262 + index, 803 + index, 2457 + index];
    return { ...ladderFamily(index === 0 ? 'baseline' : `arm-${index}`, bitrates), baseline: index === 0 };
  });
}

export const PHONE: Context = { region: 'NO', device: 'phone', connection: 'cellular' };
export const DESKTOP: Context = { region: 'NO', device: 'desktop', connection: 'wired' };
export const FAST: Context = { region: 'SE', device: 'desktop', connection: 'wired' };

/** Statistics of these views; components left out are 0. */
export function statisticsOf(
  row: { context?: Context; arm: string; ageDays?: number } & Partial<ViewStatistics>,
  views: readonly Partial<Record<ViewComponent, number>>[],
): ViewStatistics {
  const { context = PHONE, arm, ageDays = 0, ...rest } = row;
  const rows = views.map((view) => VIEW_COMPONENTS.map((name) => (name === 'one' ? 1 : (view[name] ?? 0))));
  const moments = VIEW_COMPONENTS.flatMap((_, left) =>
    VIEW_COMPONENTS.slice(left).map((__, offset) =>
      rows.reduce((sum, each) => sum + (each[left] ?? 0) * (each[left + offset] ?? 0), 0),
    ),
  );
  return {
    context,
    arm,
    allocationVersion: 1,
    eligibleSet: 'all',
    bucket: 0,
    ageDays,
    moments,
    clipped: { quality: 0, stall: 0, startup: 0, switches: 0 },
    stalledMs: 0,
    playedMs: views.length * 60_000,
    decided: views.length,
    failedToStart: 0,
    leftBeforeStart: 0,
    unobserved: 0,
    capped: 0,
    implausible: 0,
    ...rest,
  };
}

/** Statistics of `n` views whose rewards have exactly this mean and this spread (population sd). */
export function gaussianStatistics(
  row: {
    context?: Context;
    arm: string;
    n: number;
    mean: number;
    sd?: number;
    ageDays?: number;
  } & Partial<ViewStatistics>,
): ViewStatistics {
  const { n, mean, sd = 10, ...rest } = row;
  const two = statisticsOf(rest, [{ quality: mean - sd }, { quality: mean + sd }]);
  const moments = two.moments.map((moment) => (moment * n) / 2);
  return { ...two, decided: n, playedMs: n * 60_000, ...rest, moments };
}

/** A hosted-looking rendition; the height follows the bitrate roughly as the families do. */
export function rendition(bitrateKbps: number, changes: Partial<ResolvableRendition> = {}): ResolvableRendition {
  const height = bitrateKbps < 350 ? 270 : bitrateKbps < 1100 ? 360 : bitrateKbps < 3800 ? 720 : 1080;
  return {
    id: `r${Math.round(bitrateKbps)}`,
    width: Math.round((height * 16) / 9),
    height,
    codec: 'h264',
    bitrateKbps,
    ...changes,
  };
}

/** A reproducible stream of uniforms for tests. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The statistics of both rows' views, of one cell and arm. */
export function addedStatistics(known: ViewStatistics | undefined, row: ViewStatistics): ViewStatistics {
  if (!known) return row;
  const sum = (name: 'stalledMs' | 'playedMs' | 'decided' | 'failedToStart'): number => known[name] + row[name];
  return {
    ...row,
    moments: row.moments.map((moment, index) => moment + (known.moments[index] ?? 0)),
    stalledMs: sum('stalledMs'),
    playedMs: sum('playedMs'),
    decided: sum('decided'),
    failedToStart: sum('failedToStart'),
  };
}
