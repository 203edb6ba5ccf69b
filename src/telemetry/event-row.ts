import type { Context, EventSource, PlayerSample, TelemetryEvent } from '../domain/index.ts';

/** What the server knows of an event beside what it says. */
export type EventOrigin = {
  viewId: string;
  context: Context;
  receivedAtMs: number;
  source: EventSource;
  /** Keyed hash of the sender's address block; empty for server-side reporters. */
  block: string;
  /** From a reporter that may state context and report in virtual time. */
  trusted: boolean;
};

/** `YYYY-MM-DD hh:mm:ss.mmm`, the form ClickHouse parses fastest. */
export function toClickHouseTime(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

/** An event as a row of the `events` table; durations are rounded to whole ms, absent counters are left to their defaults. */
export function toEventRow(event: TelemetryEvent, origin: EventOrigin): Record<string, unknown> {
  return {
    view_id: origin.viewId,
    event_id: event.eventId,
    type: event.type,
    session_id: event.sessionId,
    asset_id: event.assetId,
    ts: toClickHouseTime(Date.parse(event.ts)),
    received_at: toClickHouseTime(origin.receivedAtMs),
    ...origin.context,
    source: origin.source,
    block: origin.block,
    trusted: origin.trusted,
    sequence: event.sequence,
    ...payloadOf(event),
  };
}

function payloadOf(event: TelemetryEvent): Record<string, unknown> {
  switch (event.type) {
    case 'view_start':
      return {};
    case 'startup':
      return { startup_ms: Math.round(event.startupMs) };
    case 'stall':
      return { duration_ms: Math.round(event.durationMs), cause: event.cause };
    case 'rung_switch':
      return { from_rendition: event.from, to_rendition: event.to };
    case 'error':
      return { code: event.code, message: event.message, fatal: event.fatal };
    case 'progress':
    case 'view_end':
      return countersOf(event);
    case 'upload_progress':
      return { bytes: event.bytes, elapsed_ms: Math.round(event.elapsedMs) };
    case 'upload_end':
      return {
        bytes: event.bytes,
        elapsed_ms: Math.round(event.elapsedMs),
        resumes: event.resumes,
        stall_count: event.stallCount,
        stalled_ms: rounded(event.stalledMs),
        abandoned: event.abandoned,
      };
  }
}

function countersOf(event: Extract<TelemetryEvent, { type: 'progress' | 'view_end' }>): Record<string, unknown> {
  return {
    startup_ms: rounded(event.startupMs),
    played_ms: rounded(event.playedMs),
    stalled_ms: rounded(event.stalledMs),
    seek_stalled_ms: rounded(event.seekStalledMs),
    stall_count: event.stallCount,
    paused_ms: rounded(event.pausedMs),
    bytes: event.bytes,
    rung_ms: event.rungMs && Object.fromEntries(Object.entries(event.rungMs).map(([id, ms]) => [id, Math.round(ms)])),
    switches_up: event.switchesUp,
    switches_down: event.switchesDown,
    dropped_frames: event.droppedFrames,
    viewport_height: event.viewportHeight,
    ...(event.sample === undefined ? {} : columnsOf(event.sample)),
  };
}

function columnsOf(sample: PlayerSample): Record<string, unknown> {
  return {
    state: sample.state,
    playhead_ms: rounded(sample.playheadMs),
    buffer_ms: rounded(sample.bufferMs),
    sample_kbps: sample.bitrateKbps,
    sample_rendition: sample.renditionId,
    segment_ms: rounded(sample.segmentMs),
    starved: sample.starved,
    throughput_kbps: sample.throughputKbps,
    playback_rate: sample.playbackRate,
  };
}

const rounded = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));
