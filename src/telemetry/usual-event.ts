import type { TelemetryEvent } from '../domain/index.ts';

/** Events that most of telemetry is made of; the others are left to the schema. */
type UsualEvent = Extract<TelemetryEvent, { type: 'view_start' | 'startup' | 'progress' | 'view_end' }>;

/** An event and the end of its line: `,"column":value` for all that stands in it, but for whose it is and its `ts`. */
export type WrittenEvent<Event = TelemetryEvent> = { event: Event; lineEnd: string };

const MAX_DURATION_MS = 7 * 24 * 3_600_000;
const MAX_COUNT = 1_000_000_000;
const MAX_RENDITIONS = 64;

/** Of what the schema takes, what needs no escaping. */
const EVENT_ID = /^[\w.:-]{1,64}$/;
const SESSION_ID = /^[A-Za-z0-9._-]{1,64}$/;
const PUBLIC_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Days up to 28 exist in every month; later ones are the schema's business. */
const UTC_MS = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const REGION = /^[A-Z]{2}$/;
const MAX_TOKEN_CHARACTERS = 2048;

/** What a field must be, and as what it is written; `schema`: it changes what is stored, or is rare. */
type Rule =
  | { kind: 'schema' | 'type' | 'token' }
  | { kind: 'text'; pattern: RegExp; start: string | null }
  | { kind: 'duration' | 'durations'; start: string }
  | { kind: 'count'; start: string; max: number };

const column = (name: string): string => `,"${name}":`;
const text = (pattern: RegExp, name?: string): Rule => ({
  kind: 'text',
  pattern,
  start: name === undefined ? null : column(name),
});
const duration = (name: string): Rule => ({ kind: 'duration', start: column(name) });
const count = (name: string, max = MAX_COUNT): Rule => ({ kind: 'count', start: column(name), max });

const BASE: Record<string, Rule> = {
  type: { kind: 'type' },
  eventId: text(EVENT_ID, 'event_id'),
  sessionId: text(SESSION_ID),
  assetId: text(PUBLIC_ID),
  ts: text(UTC_MS),
  viewToken: { kind: 'token' },
  region: text(REGION),
  sequence: count('sequence'),
  device: { kind: 'schema' },
  connection: { kind: 'schema' },
  sample: { kind: 'schema' },
};
const STARTUP: Record<string, Rule> = { ...BASE, startupMs: duration('startup_ms') };
const COUNTERS: Record<string, Rule> = {
  ...STARTUP,
  playedMs: duration('played_ms'),
  stalledMs: duration('stalled_ms'),
  seekStalledMs: duration('seek_stalled_ms'),
  pausedMs: duration('paused_ms'),
  stallCount: count('stall_count'),
  switchesUp: count('switches_up'),
  switchesDown: count('switches_down'),
  droppedFrames: count('dropped_frames'),
  viewportHeight: count('viewport_height', 20_000),
  bytes: count('bytes', Number.MAX_SAFE_INTEGER),
  rungMs: { kind: 'durations', start: column('rung_ms') },
};

const RULES = new Map<unknown, Record<string, Rule | undefined>>(
  Object.entries({ view_start: BASE, startup: STARTUP, progress: COUNTERS, view_end: COUNTERS }).map(
    // What strangers call a field must not be found on Object's prototype.
    ([type, rules]) => [type, Object.assign(Object.create(null), rules)],
  ),
);

/**
 * A candidate that surely is an event as the schema would read it, looked at and written in one go over its fields, at a fraction
 * of the schema's cost. Null says nothing: ask the schema, which also knows what is wrong. Fields it does not know are not written.
 */
export function writeUsualEvent(candidate: unknown): WrittenEvent<UsualEvent> | null {
  if (typeof candidate !== 'object' || candidate === null || Array.isArray(candidate)) return null;
  const event = candidate as Record<string, unknown>;
  const rules = RULES.get(event.type);
  if (rules === undefined) return null;
  if (event.eventId === undefined || event.sessionId === undefined || event.assetId === undefined) return null;
  if (event.ts === undefined || (event.type === 'startup' && event.startupMs === undefined)) return null;
  let lineEnd = `,"type":"${event.type}"`;
  for (const field in event) {
    const rule = rules[field];
    if (rule === undefined) continue;
    const written = write(event[field], rule);
    if (written === null) return null;
    lineEnd += written;
  }
  return { event: candidate as UsualEvent, lineEnd };
}

/** Null where a value is not what the rule says. */
function write(value: unknown, rule: Rule): string | null {
  switch (rule.kind) {
    case 'text':
      if (typeof value !== 'string' || !rule.pattern.test(value)) return null;
      return rule.start === null ? '' : `${rule.start}"${value}"`;
    case 'duration':
      return isDurationMs(value) ? rule.start + Math.round(value) : null;
    case 'count':
      return isCount(value, rule.max) ? rule.start + value : null;
    case 'durations':
      return writeDurations(value, rule.start);
    case 'type':
      return '';
    case 'token':
      return typeof value === 'string' && value.length <= MAX_TOKEN_CHARACTERS ? '' : null;
    case 'schema':
      return null;
  }
}

function isDurationMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS;
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function writeDurations(value: unknown, start: string): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  let written = '';
  let renditions = 0;
  for (const id in value) {
    const ms = (value as Record<string, unknown>)[id];
    renditions += 1;
    if (renditions > MAX_RENDITIONS || !PUBLIC_ID.test(id) || !isDurationMs(ms)) return null;
    written += `${renditions === 1 ? '' : ','}"${id}":${Math.round(ms)}`;
  }
  return `${start}{${written}}`;
}
