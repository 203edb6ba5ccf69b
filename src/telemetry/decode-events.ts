import { Refusal } from './refusal.ts';

/** A body taken apart: one unknown per event, or why it could not be. */
export type DecodedBody =
  | { kind: 'events'; events: unknown[] }
  | { kind: 'unreadable'; expected: string; received: string };

/** More events than this in one body are refused; senders split. */
export const MAX_EVENTS_PER_BODY = 10_000;

/**
 * `{"events":[…]}`, a bare array, one event, or NDJSON: told apart by looking, because beacons can only say text/plain.
 */
export function decodeEvents(text: string): DecodedBody {
  const whole = parseJson(text);
  const events = whole instanceof Refusal ? parseLines(text) : eventsIn(whole);
  if (events === null) {
    const received = text.slice(0, 60).trim() || 'an empty body';
    return { kind: 'unreadable', expected: '{"events":[…]}, an array, or one JSON event per line', received };
  }
  if (events.length > MAX_EVENTS_PER_BODY) {
    const expected = `at most ${MAX_EVENTS_PER_BODY} events`;
    return { kind: 'unreadable', expected, received: `${events.length} events` };
  }
  return { kind: 'events', events };
}

function eventsIn(whole: unknown): unknown[] | null {
  if (Array.isArray(whole)) return whole;
  if (typeof whole !== 'object' || whole === null) return null;
  if ('events' in whole) return Array.isArray(whole.events) ? whole.events : null;
  return 'type' in whole ? [whole] : null;
}

function parseLines(text: string): unknown[] | null {
  const values = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseJson);
  return values.some((value) => typeof value === 'object' && !(value instanceof Refusal)) ? values : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return new Refusal('event.unreadable', [{ path: '', expected: 'JSON', received: text.slice(0, 80) }], text);
  }
}
