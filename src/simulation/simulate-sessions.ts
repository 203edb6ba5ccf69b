import { type Context, type Device, type Rng, regionSchema } from '../domain/index.ts';
import type { ViewComponents } from '../policy/reward.ts';
import type { NamedTrace, TraceFamily } from './model-world.ts';
import { PLAYER_NAMES, type PlayerName } from './player-settings.ts';
import { drawLognormal } from './random-draws.ts';
import { screenOf, type Title, type TitleLadder, titleLadder, titleProspect } from './rate-quality.ts';
import { type ComponentClips, componentsOf, simulateView } from './simulate-view.ts';
import { meanBandwidthKbps, type ThroughputTrace } from './throughput-trace.ts';

/** A ladder that sessions are played with. */
export type OfferedLadder = { arm: string; nominalKbps: readonly number[] };

/** One simulated view. */
export type SimulatedView = {
  session: number;
  context: Context;
  trace: string;
  title: string;
  player: PlayerName;
  arm: string;
  components: ViewComponents;
};

const DEVICES: readonly Device[] = ['phone', 'desktop'];
const WATCH_MEDIAN_MS = 120_000;
const WATCH_SIGMA = 0.4;
const MAX_WATCH_MS = 600_000;
/** The line before the view is measured over this long, with this error. */
const BEFORE_MS = 60_000;
const MEASUREMENT_SIGMA = 0.25;

/** A family's name as a region: `norway-3g` is `ZZ-NORWAY3G`. */
export function familyRegion(family: string): string {
  return regionSchema.parse(
    `ZZ-${family
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]/g, '')
      .slice(0, 12)}`,
  );
}

/** How long someone watches, ms. */
export const drawWatchMs = (rng: Rng): number =>
  Math.min(MAX_WATCH_MS, drawLognormal(rng, WATCH_MEDIAN_MS, WATCH_SIGMA));

/** What would have been measured of a line in the minute before an instant; a trace that just begins is met again from its end. */
export function drawThroughputBeforeKbps(trace: ThroughputTrace, joinAtMs: number, rng: Rng): number {
  const fromMs = joinAtMs + Math.ceil(BEFORE_MS / trace.totalMs) * trace.totalMs - BEFORE_MS;
  return drawLognormal(rng, Math.max(1, meanBandwidthKbps(trace, fromMs, fromMs + BEFORE_MS)), MEASUREMENT_SIGMA);
}

const pick = <T>(rng: Rng, all: readonly T[]): T => {
  const chosen = all[Math.floor(rng() * all.length)];
  if (chosen === undefined) throw new RangeError('expected something to draw from (got nothing)');
  return chosen;
};

/** Plays `count` random sessions with every ladder: the same line, title and person for each, so that ladders can be compared. */
export function simulateSessions(input: {
  families: readonly TraceFamily[];
  titles: readonly Title[];
  ladders: readonly OfferedLadder[];
  clips: ComponentClips;
  count: number;
  rng: Rng;
}): SimulatedView[] {
  const { families, titles, ladders, clips, rng } = input;
  const laid = new Map<Title, TitleLadder[]>();
  return Array.from({ length: input.count }, (_, session) => {
    const family = pick(rng, families);
    const { name: trace, trace: line }: NamedTrace = pick(rng, family.traces);
    const title = pick(rng, titles);
    const device = pick(rng, DEVICES);
    const player = pick(rng, PLAYER_NAMES);
    const joinAtMs = rng() * line.totalMs;
    const wantedMs = drawWatchMs(rng);
    const throughputBeforeKbps = drawThroughputBeforeKbps(line, joinAtMs, rng);
    const context: Context = { region: familyRegion(family.name), device, connection: 'unknown' };
    const prospect = titleProspect(title, screenOf(device), throughputBeforeKbps, clips.transparentQuality);
    const ready = laid.get(title) ?? ladders.map(({ nominalKbps }) => titleLadder(title, nominalKbps));
    laid.set(title, ready);
    return ladders.flatMap(({ arm }, index): SimulatedView[] => {
      const ladder = ready[index];
      if (!ladder) return [];
      const playback = simulateView({ trace: line, joinAtMs, wantedMs, player, throughputBeforeKbps }, ladder);
      const components = componentsOf(playback, ladder, { device, throughputBeforeKbps, prospect, clips });
      return components ? [{ session, context, trace, title: title.name, player, arm, components }] : [];
    });
  }).flat();
}
