import { COVARIATE_KBPS, type Context, type RewardWeights } from '../domain/index.ts';
import type { ViewComponents } from '../policy/reward.ts';
import { type Playback, playHls } from './hls-player.ts';
import { PLAYER_DEFAULTS, type PlayerName } from './player-settings.ts';
import { type Screen, screenOf, type TitleLadder } from './rate-quality.ts';
import type { ThroughputTrace } from './throughput-trace.ts';

/** What one view is, before anybody decides what it is offered. */
export type ModelSession = {
  trace: ThroughputTrace;
  joinAtMs: number;
  wantedMs: number;
  player: PlayerName;
  /** Known of the line before the view. */
  throughputBeforeKbps: number;
};

/** What the reward clips, by the config. */
export type ComponentClips = Pick<
  RewardWeights,
  'transparentQuality' | 'stallRatioClip' | 'startupClipSeconds' | 'switchesPerMinuteClip'
>;

/** A view nobody leaves before its end: what is compared are ladders, not tempers. */
const PATIENT = { startPatienceMs: Number.POSITIVE_INFINITY, stallPatienceMs: Number.POSITIVE_INFINITY };

/** Plays a title's ladder over a session's line by its player's rules. */
export function simulateView(session: ModelSession, { ladder }: TitleLadder): Playback {
  const { trace, joinAtMs, wantedMs, player } = session;
  return playHls(ladder, { trace, joinAtMs, wantedMs, ...PATIENT }, PLAYER_DEFAULTS[player]);
}

/** Play-time mean of min(quality, transparent) on a screen, chunk by chunk; 0 when nothing was shown. */
export function seenQuality(
  playback: Playback,
  { quality, chunkMs }: TitleLadder,
  screen: Screen,
  transparentQuality: number,
): number {
  let [leftMs, points] = [playback.final.playedMs, 0];
  for (const { level, titleMs, durationMs } of playback.loaded) {
    if (leftMs <= 0) break;
    const shownMs = Math.min(durationMs, leftMs);
    const seen = quality[screen][level]?.[Math.round(titleMs / chunkMs)] ?? 0;
    points += shownMs * Math.min(seen, transparentQuality);
    leftMs -= shownMs;
  }
  return playback.final.playedMs > 0 ? points / playback.final.playedMs : 0;
}

/** ln(Mbit/s), winsorised as the learner's statistics are. */
export const throughputCovariate = (kbps: number): number =>
  Math.log(Math.min(COVARIATE_KBPS.most, Math.max(COVARIATE_KBPS.least, kbps)) / 1000);

/** A playback as the learner remembers it: the reward's clipped components and the covariates. Null when it never started. */
export function componentsOf(
  playback: Playback,
  ladder: TitleLadder,
  view: { device: Context['device']; throughputBeforeKbps: number; prospect: number; clips: ComponentClips },
): ViewComponents | null {
  const { startupMs, playedMs, stalledMs, switchesUp, switchesDown, bytes } = playback.final;
  if (startupMs === null || playedMs <= 0) return null;
  const { clips } = view;
  return {
    one: 1,
    throughput: throughputCovariate(view.throughputBeforeKbps),
    quality: seenQuality(playback, ladder, screenOf(view.device), clips.transparentQuality),
    stall: Math.min(clips.stallRatioClip, stalledMs / (playedMs + stalledMs)),
    startup: Math.min(clips.startupClipSeconds, startupMs / 1000),
    switches: Math.min(clips.switchesPerMinuteClip, (switchesUp + switchesDown) / (playedMs / 60_000)),
    mbps: (bytes * 8) / 1000 / playedMs,
    failure: 0,
    prospect: view.prospect,
  };
}
