import type { Issue, TelemetryEvent } from '../domain/index.ts';

/** Wall clock that a report may claim beyond what has passed: rounding, and a view whose decision was made late. */
export const PLAUSIBILITY_SLACK_MS = 60_000;

/**
 * What is impossible about a client's report of a view that was decided at `decidedAtMs`: a view cannot have played and stalled for
 * longer than it has existed. Null when nothing is. Server clocks only, so a client's clock cannot matter.
 */
export function implausibility(event: TelemetryEvent, decidedAtMs: number, receivedAtMs: number): Issue | null {
  if (event.type !== 'progress' && event.type !== 'view_end') return null;
  const wallMs = receivedAtMs - decidedAtMs + PLAUSIBILITY_SLACK_MS;
  const spentMs = (event.playedMs ?? 0) + (event.stalledMs ?? 0);
  if (spentMs <= wallMs) return null;
  return {
    path: 'playedMs',
    expected: `playedMs + stalledMs of at most ${Math.round(wallMs)}, because the view was decided ${Math.round(receivedAtMs - decidedAtMs)} ms ago; reporters in virtual time need a key with scope decide`,
    received: String(Math.round(spentMs)),
  };
}
