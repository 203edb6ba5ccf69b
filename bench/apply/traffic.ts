import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Context, TelemetryEvent } from '../../src/domain/index.ts';
import { toClickHouseTime, toEventLine } from '../../src/telemetry/event-line.ts';

/** Lines of a spool's segment as the API writes them, without their segment: the traffic of many viewers at once, in order of arrival. */
export type Traffic = { next(): string };

type Viewer = {
  viewId: string;
  sessionId: string;
  assetId: string;
  context: Context;
  block: string;
  /** Reports it will send in all, 6 to 10, and has sent. */
  reports: number;
  sent: number;
  startupMs: number;
  playedMs: number;
  stalledMs: number;
  stallCount: number;
};

const CONTEXTS: readonly Context[] = (['NO', 'DE', 'IN', 'BR', 'US'] as const).flatMap((region) =>
  (['phone', 'desktop', 'tv'] as const).map((device) => ({ region, device, connection: 'unknown' as const })),
);
const LADDER = ['360p-459k-1a2b3c4d', '480p-910k-2b3c4d5e', '720p-1810k-3c4d5e6f', '1080p-3420k-4d5e6f70'];
const ASSETS = 500;
const REPORT_EVERY_MS = 10_000;

/** Viewers come and go; `audience` of them are watching at any time. The same seed gives the same rows. */
export function makeTraffic(options: {
  seed: number;
  audience: number;
  startMs: number;
  eventsPerSecond: number;
}): Traffic {
  const draw = drawFrom(options.seed);
  const viewers = Array.from({ length: options.audience }, () => makeViewer(draw));
  // As if they had been watching for a while already, so that starts and ends are mixed from the first row on.
  for (const viewer of viewers) viewer.sent = draw(viewer.reports);
  let nowMs = options.startMs;
  return {
    next() {
      const at = draw(viewers.length);
      const viewer = viewers[at] as Viewer;
      nowMs += 1000 / options.eventsPerSecond;
      const event = nextReport(viewer, nowMs, draw);
      if (viewer.sent === viewer.reports) viewers[at] = makeViewer(draw);
      const { viewId, context, block } = viewer;
      const receivedAt = toClickHouseTime(nowMs);
      return toEventLine(event, { viewId, context, receivedAt, source: 'beacon', block, trusted: false });
    },
  };
}

type Draw = (below: number) => number;

function drawFrom(seed: number): Draw {
  const random = xoroshiro128plus(seed);
  return (below) => (random.next() >>> 0) % below;
}

function makeViewer(draw: Draw): Viewer {
  return {
    viewId: `v_${text(draw, 22)}`,
    sessionId: text(draw, 20),
    assetId: `a_${String(draw(ASSETS)).padStart(22, '0')}`,
    context: CONTEXTS[draw(CONTEXTS.length)] as Context,
    block: draw(20_000).toString(16).padStart(16, '0'),
    reports: 6 + draw(5),
    sent: 0,
    startupMs: 300 + draw(3000),
    playedMs: 0,
    stalledMs: 0,
    stallCount: 0,
  };
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function text(draw: Draw, length: number): string {
  let made = '';
  while (made.length < length) made += ALPHABET[draw(64)];
  return made;
}

/** What a player reports: a start, startup, progress every ten seconds with a stall now and then, an end. */
function nextReport(viewer: Viewer, nowMs: number, draw: Draw): TelemetryEvent {
  const { sessionId, assetId, startupMs } = viewer;
  const ts = new Date(nowMs).toISOString();
  const base = { eventId: `e${viewer.sent}`, sessionId, assetId, ts };
  viewer.sent += 1;
  if (viewer.sent === 1) return { type: 'view_start', ...base };
  if (viewer.sent === 2) return { type: 'startup', ...base, startupMs };
  if (draw(20) === 0 && viewer.sent < viewer.reports) {
    const durationMs = 200 + draw(2000);
    viewer.stalledMs += durationMs;
    viewer.stallCount += 1;
    return { type: 'stall', ...base, durationMs, cause: 'buffer' };
  }
  viewer.playedMs += REPORT_EVERY_MS;
  return { type: viewer.sent === viewer.reports ? 'view_end' : 'progress', ...base, ...countersOf(viewer) };
}

function countersOf({ startupMs, playedMs, stalledMs, stallCount }: Viewer) {
  const lowMs = Math.min(playedMs, REPORT_EVERY_MS);
  const top = LADDER[2 + (startupMs % 2)] as string;
  return {
    startupMs,
    playedMs,
    stalledMs,
    stallCount,
    bytes: playedMs * 200,
    rungMs: { [LADDER[1] as string]: lowMs, ...(playedMs > lowMs ? { [top]: playedMs - lowMs } : {}) },
    switchesUp: playedMs > lowMs ? 1 : 0,
    switchesDown: 0,
    droppedFrames: stallCount,
    viewportHeight: 720,
  };
}
