import type { TelemetryEvent } from '../domain/index.ts';

/** Events that most of telemetry is made of; the others are left to the schema. */
type CommonEvent = Extract<TelemetryEvent, { type: 'view_start' | 'startup' | 'progress' | 'view_end' }>;

const MAX_DURATION_MS = 7 * 24 * 3_600_000;
const MAX_COUNT = 1_000_000_000;
const MAX_RENDITIONS = 64;

const PRINTABLE = /^[\x20-\x7e]{1,64}$/;
const SESSION_ID = /^[A-Za-z0-9._-]{1,64}$/;
const PUBLIC_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Days up to 28 exist in every month; later ones are the schema's business. */
const UTC_MS = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const REGION = /^[A-Z]{2}$/;

type Check = (value: unknown) => boolean;
const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const durationMs: Check = (value) => typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS;
const count: Check = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_COUNT;
const isPublicId = matches(PUBLIC_ID);

const BASE: Record<string, Check> = {
  type: () => true,
  eventId: matches(PRINTABLE),
  sessionId: matches(SESSION_ID),
  assetId: isPublicId,
  ts: matches(UTC_MS),
  viewToken: (value) => typeof value === 'string' && value.length <= 2048,
  region: matches(REGION),
  sequence: count,
};
const COUNTERS: Record<string, Check> = {
  ...BASE,
  playedMs: durationMs,
  stalledMs: durationMs,
  seekStalledMs: durationMs,
  pausedMs: durationMs,
  startupMs: durationMs,
  stallCount: count,
  switchesUp: count,
  switchesDown: count,
  droppedFrames: count,
  viewportHeight: (value) => count(value) && Number(value) <= 20_000,
  bytes: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  rungMs: areDurationsById,
};
/** Fields that ask for the schema: they change what is stored, or are rare. */
const LEFT_TO_SCHEMA = new Set(['device', 'connection', 'sample']);

const CHECKS = new Map<unknown, Record<string, Check>>([
  ['view_start', BASE],
  ['startup', { ...BASE, startupMs: durationMs }],
  ['progress', COUNTERS],
  ['view_end', COUNTERS],
]);

/**
 * Whether a candidate is surely an event as the schema would read it, at a fraction of the schema's cost. False says
 * nothing: ask the schema, which also knows what is wrong. Fields it does not know are still there, and never written.
 */
export function isWellFormedEvent(candidate: unknown): candidate is CommonEvent {
  if (typeof candidate !== 'object' || candidate === null || Array.isArray(candidate)) return false;
  const event = candidate as Record<string, unknown>;
  const checks = CHECKS.get(event.type);
  if (checks === undefined) return false;
  if (event.eventId === undefined || event.sessionId === undefined || event.assetId === undefined) return false;
  if (event.ts === undefined || (event.type === 'startup' && event.startupMs === undefined)) return false;
  for (const field in event) {
    const check = Object.hasOwn(checks, field) ? checks[field] : undefined;
    if (check !== undefined ? !check(event[field]) : LEFT_TO_SCHEMA.has(field)) return false;
  }
  return true;
}

function areDurationsById(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  let renditions = 0;
  for (const id in value) {
    renditions += 1;
    if (renditions > MAX_RENDITIONS || !isPublicId(id) || !durationMs((value as Record<string, unknown>)[id]))
      return false;
  }
  return true;
}
