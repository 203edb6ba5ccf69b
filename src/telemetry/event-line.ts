import type { Context, EventSource, PlayerSample, TelemetryEvent } from '../domain/index.ts';

/** What the server knows of an event beside what it says. */
export type EventOrigin = {
  viewId: string;
  context: Context;
  /** As `toClickHouseTime` writes it: the same for a whole batch. */
  receivedAt: string;
  source: EventSource;
  /** Keyed hash of the sender's address block; empty for server-side reporters. */
  block: string;
  /** From a reporter that may state context and report in virtual time. */
  trusted: boolean;
};

/** How a value is written: ids and enums need no escaping, `text` does. */
type Kind = 'ms' | 'number' | 'flag' | 'id' | 'text' | 'msById';
type Column<Of> = readonly [column: string, field: Extract<keyof Of, string>, kind: Kind];

type EventOf<Type extends TelemetryEvent['type']> = Extract<TelemetryEvent, { type: Type }>;

const COUNTERS: readonly Column<EventOf<'progress'>>[] = [
  ['startup_ms', 'startupMs', 'ms'],
  ['played_ms', 'playedMs', 'ms'],
  ['stalled_ms', 'stalledMs', 'ms'],
  ['seek_stalled_ms', 'seekStalledMs', 'ms'],
  ['stall_count', 'stallCount', 'number'],
  ['paused_ms', 'pausedMs', 'ms'],
  ['bytes', 'bytes', 'number'],
  ['rung_ms', 'rungMs', 'msById'],
  ['switches_up', 'switchesUp', 'number'],
  ['switches_down', 'switchesDown', 'number'],
  ['dropped_frames', 'droppedFrames', 'number'],
  ['viewport_height', 'viewportHeight', 'number'],
];

const COLUMNS: { readonly [Type in TelemetryEvent['type']]: readonly Column<EventOf<Type>>[] } = {
  view_start: [],
  startup: [['startup_ms', 'startupMs', 'ms']],
  stall: [
    ['duration_ms', 'durationMs', 'ms'],
    ['cause', 'cause', 'id'],
  ],
  rung_switch: [
    ['from_rendition', 'from', 'id'],
    ['to_rendition', 'to', 'id'],
  ],
  error: [
    ['code', 'code', 'text'],
    ['message', 'message', 'text'],
    ['fatal', 'fatal', 'flag'],
  ],
  progress: COUNTERS,
  view_end: COUNTERS,
  upload_progress: [
    ['bytes', 'bytes', 'number'],
    ['elapsed_ms', 'elapsedMs', 'ms'],
  ],
  upload_end: [
    ['bytes', 'bytes', 'number'],
    ['elapsed_ms', 'elapsedMs', 'ms'],
    ['resumes', 'resumes', 'number'],
    ['stall_count', 'stallCount', 'number'],
    ['stalled_ms', 'stalledMs', 'ms'],
    ['abandoned', 'abandoned', 'flag'],
  ],
};

const SAMPLE_COLUMNS: readonly Column<PlayerSample>[] = [
  ['state', 'state', 'id'],
  ['playhead_ms', 'playheadMs', 'ms'],
  ['buffer_ms', 'bufferMs', 'ms'],
  ['sample_kbps', 'bitrateKbps', 'number'],
  ['sample_rendition', 'renditionId', 'id'],
  ['segment_ms', 'segmentMs', 'ms'],
  ['segment_index', 'segmentIndex', 'number'],
  ['last_segment', 'lastSegment', 'flag'],
  ['starved', 'starved', 'flag'],
  ['throughput_kbps', 'throughputKbps', 'number'],
  ['playback_rate', 'playbackRate', 'number'],
];

/** `YYYY-MM-DD hh:mm:ss.mmm`, the form ClickHouse parses fastest. */
export function toClickHouseTime(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

/** The part of a line that all events of one view in one batch have in common; what the table takes for granted is left out. */
export function toLineStart(
  { sessionId, assetId }: Pick<TelemetryEvent, 'sessionId' | 'assetId'>,
  origin: EventOrigin,
) {
  const { region, device, connection } = origin.context;
  return (
    `"view_id":"${origin.viewId}","session_id":"${sessionId}","asset_id":"${assetId}"` +
    `,"received_at":"${origin.receivedAt}","region":"${region}","device":"${device}","connection":"${connection}"` +
    `,"source":"${origin.source}"${origin.block === '' ? '' : `,"block":"${origin.block}"`}${origin.trusted ? ',"trusted":true' : ''}`
  );
}

/** All of an event's line but its start and its `ts`. Durations become whole ms; what is absent is left to its default. */
export function toLineEnd(event: TelemetryEvent): string {
  let line = `,"event_id":${quoted(event.eventId)},"type":"${event.type}"`;
  if (event.sequence !== undefined) line += `,"sequence":${event.sequence}`;
  line += columns(event, COLUMNS[event.type] as readonly Column<TelemetryEvent>[]);
  if ('sample' in event && event.sample !== undefined) line += columns(event.sample, SAMPLE_COLUMNS);
  return line;
}

/**
 * An event as one JSON object of the `events` table, without its opening brace: the spool writes that. Written by hand
 * because building an object and serialising it costs several times as much.
 */
export function toEventLine(event: TelemetryEvent, origin: EventOrigin): string {
  return `${toLineStart(event, origin)},"ts":"${toClientTime(event.ts)}"${toLineEnd(event)}}`;
}

const NEEDS_NO_ESCAPE = /^[\w.:-]*$/;
const quoted = (text: string): string => (NEEDS_NO_ESCAPE.test(text) ? `"${text}"` : JSON.stringify(text));

function columns<Of extends object>(values: Of, of: readonly Column<Of>[]): string {
  let text = '';
  for (const [column, field, kind] of of) {
    const value = values[field];
    if (value !== undefined) text += `,"${column}":${written(value, kind)}`;
  }
  return text;
}

function written(value: unknown, kind: Kind): string {
  switch (kind) {
    case 'ms':
      return String(Math.round(value as number));
    case 'number':
    case 'flag':
      return String(value);
    case 'id':
      return `"${value}"`;
    case 'text':
      return JSON.stringify(value);
    case 'msById':
      return `{${Object.entries(value as Record<string, number>)
        .map(([id, ms]) => `"${id}":${Math.round(ms)}`)
        .join(',')}}`;
  }
}

/** The usual form of ISO 8601, milliseconds in UTC, is the only one of this length that ends so, and needs no parsing. */
const UTC_MS_CHARACTERS = 'YYYY-MM-DDThh:mm:ss.mmmZ'.length;

/** A `ts` as the schema takes it, in the form of `toClickHouseTime`. */
export function toClientTime(ts: string): string {
  const isUtcMs = ts.length === UTC_MS_CHARACTERS && ts.endsWith('Z');
  return isUtcMs ? `${ts.slice(0, 10)} ${ts.slice(11, 23)}` : toClickHouseTime(Date.parse(ts));
}
