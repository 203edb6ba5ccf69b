import type { TelemetryEvent } from '../domain/index.ts';
import type { Playback, PlaybackSnapshot } from './hls-player.ts';
import type { PlayheadEvent } from './playhead.ts';

/** Which view a playback belongs to; `startedAtMs` is the wall-clock time its virtual time counts from. */
export type ViewIdentity = {
  sessionId: string;
  assetId: string;
  viewToken?: string;
  startedAtMs: number;
  viewportHeight: number;
};

type Timed = { atMs: number; fields: EventFields };
type EventFields = TelemetryEvent extends infer Event
  ? Event extends TelemetryEvent
    ? Omit<Event, 'eventId' | 'sessionId' | 'assetId' | 'ts' | 'viewToken'>
    : never
  : never;

/** The telemetry a player would have sent of this playback, in order; the same playback gives the same event ids. */
export function viewEvents(playback: Playback, view: ViewIdentity): TelemetryEvent[] {
  const { sessionId, assetId, viewToken, startedAtMs } = view;
  const timed: Timed[] = [
    { atMs: 0, fields: { type: 'view_start' } },
    ...playback.events.map((event) => ({ atMs: event.atMs, fields: playheadFields(event, playback.renditionIds) })),
    ...playback.progress.map((snapshot) => ({
      atMs: snapshot.atMs,
      fields: { type: 'progress' as const, ...counters(snapshot, playback.renditionIds, view.viewportHeight) },
    })),
  ];
  timed.sort((a, b) => a.atMs - b.atMs);
  const end = { type: 'view_end' as const, ...counters(playback.final, playback.renditionIds, view.viewportHeight) };
  timed.push({ atMs: playback.final.atMs, fields: end });
  return timed.map(({ atMs, fields }, index) => ({
    ...fields,
    eventId: `e${index}`,
    sessionId,
    assetId,
    ts: new Date(startedAtMs + Math.round(atMs)).toISOString(),
    ...(viewToken === undefined ? {} : { viewToken }),
  }));
}

function playheadFields(event: PlayheadEvent, renditionIds: readonly string[]): EventFields {
  if (event.kind === 'startup') return { type: 'startup', startupMs: Math.round(event.atMs) };
  if (event.kind === 'stall') return { type: 'stall', durationMs: Math.round(event.durationMs), cause: 'buffer' };
  return { type: 'rung_switch', from: renditionIds[event.from] ?? '', to: renditionIds[event.to] ?? '' };
}

/** Whole milliseconds; playedMs is the sum of the rounded rungMs, so that the two always agree. */
function counters(snapshot: PlaybackSnapshot, renditionIds: readonly string[], viewportHeight: number) {
  const played = renditionIds
    .map((id, level) => [id, Math.round(snapshot.rungMs[level] ?? 0)] as const)
    .filter(([, shownMs]) => shownMs > 0);
  return {
    playedMs: played.reduce((sum, [, shownMs]) => sum + shownMs, 0),
    stalledMs: Math.round(snapshot.stalledMs),
    stallCount: snapshot.stallCount,
    ...(snapshot.startupMs === null ? {} : { startupMs: Math.round(snapshot.startupMs) }),
    bytes: snapshot.bytes,
    rungMs: Object.fromEntries(played),
    switchesUp: snapshot.switchesUp,
    switchesDown: snapshot.switchesDown,
    viewportHeight,
  };
}
