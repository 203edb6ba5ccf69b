import type { TelemetryEvent } from '../domain/index.ts';

/** Events that most of telemetry is made of; the others are left to the schema. */
type UsualEvent = Extract<TelemetryEvent, { type: 'view_start' | 'startup' | 'progress' | 'view_end' }>;

/** An event and the end of its line: `,"column":value` for all that stands in it, but for whose it is and its `ts`. */
export type WrittenEvent<Event = TelemetryEvent> = { event: Event; lineEnd: string };

const MAX_DURATION_MS = 7 * 24 * 3_600_000;
const MAX_COUNT = 1_000_000_000;
const MAX_HEIGHT = 20_000;
const MAX_RENDITIONS = 64;

/** Of what the schema takes, what needs no escaping. */
const EVENT_ID = /^[\w.:-]{1,64}$/;
const SESSION_ID = /^[A-Za-z0-9._-]{1,64}$/;
const PUBLIC_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Days up to 28 exist in every month; later ones are the schema's business. */
const UTC_MS = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const REGION = /^[A-Z]{2}$/;
const MAX_TOKEN_CHARACTERS = 2048;

const TYPES: ReadonlySet<unknown> = new Set<UsualEvent['type']>(['view_start', 'startup', 'progress', 'view_end']);

/** A candidate's fields, of which nothing is known yet. */
type Unknown<Event> = Event extends unknown ? { readonly [Field in keyof Event]?: unknown } : never;
type Candidate = Unknown<UsualEvent>;
type Counters = Unknown<Extract<UsualEvent, { type: 'progress' }>>;

/**
 * A candidate that surely is an event as the schema would read it, looked at and written in one go, at a fraction of the schema's
 * cost. Null says nothing: ask the schema, which also knows what is wrong. Fields are read by their names, one after the other,
 * because a loop over whatever is there costs half as much again.
 */
export function writeUsualEvent(candidate: unknown): WrittenEvent<UsualEvent> | null {
  if (typeof candidate !== 'object' || candidate === null || Array.isArray(candidate)) return null;
  const event = candidate as Candidate;
  const { type, eventId, sequence } = event;
  if (!TYPES.has(type) || !isWhoseItIs(event) || isLeftToSchema(event) || !isText(eventId, EVENT_ID)) return null;
  const counters = type === 'view_start' ? '' : type === 'startup' ? writeStartup(event) : writeCounters(event);
  if (counters === null || !mayBeCount(sequence, MAX_COUNT)) return null;
  const lineEnd = `,"event_id":"${eventId}","type":"${type}"${count(',"sequence":', sequence)}${counters}`;
  return { event: candidate as UsualEvent, lineEnd };
}

/** Session, asset, time and what else every event has that is not in the end of its line. */
function isWhoseItIs({ sessionId, assetId, ts, viewToken, region }: Candidate): boolean {
  return (
    isText(sessionId, SESSION_ID) &&
    isText(assetId, PUBLIC_ID) &&
    isText(ts, UTC_MS) &&
    (viewToken === undefined || (typeof viewToken === 'string' && viewToken.length <= MAX_TOKEN_CHARACTERS)) &&
    (region === undefined || isText(region, REGION))
  );
}

/** What changes how an event is stored, or is rare. */
function isLeftToSchema(event: Candidate): boolean {
  return event.device !== undefined || event.connection !== undefined || (event as Counters).sample !== undefined;
}

function writeStartup({ startupMs }: Counters): string | null {
  return isDurationMs(startupMs) ? ms(',"startup_ms":', startupMs) : null;
}

function writeCounters(event: Counters): string | null {
  const { startupMs, playedMs, stalledMs, seekStalledMs, pausedMs, rungMs } = event;
  const { stallCount, bytes, switchesUp, switchesDown, droppedFrames, viewportHeight } = event;
  const areWellFormed =
    mayBeDuration(startupMs) &&
    mayBeDuration(playedMs) &&
    mayBeDuration(stalledMs) &&
    mayBeDuration(seekStalledMs) &&
    mayBeDuration(pausedMs) &&
    mayBeCount(stallCount, MAX_COUNT) &&
    mayBeCount(bytes, Number.MAX_SAFE_INTEGER) &&
    mayBeCount(switchesUp, MAX_COUNT) &&
    mayBeCount(switchesDown, MAX_COUNT) &&
    mayBeCount(droppedFrames, MAX_COUNT) &&
    mayBeCount(viewportHeight, MAX_HEIGHT);
  const durations = rungMs === undefined ? '' : writeDurations(rungMs);
  if (!areWellFormed || durations === null) return null;
  return (
    ms(',"startup_ms":', startupMs) +
    ms(',"played_ms":', playedMs) +
    ms(',"stalled_ms":', stalledMs) +
    ms(',"seek_stalled_ms":', seekStalledMs) +
    ms(',"paused_ms":', pausedMs) +
    count(',"stall_count":', stallCount) +
    count(',"bytes":', bytes) +
    count(',"switches_up":', switchesUp) +
    count(',"switches_down":', switchesDown) +
    count(',"dropped_frames":', droppedFrames) +
    count(',"viewport_height":', viewportHeight) +
    durations
  );
}

const ms = (start: string, value: number | undefined): string => (value === undefined ? '' : start + Math.round(value));
const count = (start: string, value: number | undefined): string => (value === undefined ? '' : start + value);

function mayBeDuration(value: unknown): value is number | undefined {
  return value === undefined || isDurationMs(value);
}

function mayBeCount(value: unknown, max: number): value is number | undefined {
  return value === undefined || isCount(value, max);
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isDurationMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS;
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function writeDurations(durations: unknown): string | null {
  if (typeof durations !== 'object' || durations === null || Array.isArray(durations)) return null;
  let written = '';
  let renditions = 0;
  for (const id in durations) {
    const value = (durations as Record<string, unknown>)[id];
    renditions += 1;
    if (renditions > MAX_RENDITIONS || !PUBLIC_ID.test(id) || !isDurationMs(value)) return null;
    written += `${renditions === 1 ? '' : ','}"${id}":${Math.round(value)}`;
  }
  return `,"rung_ms":{${written}}`;
}
