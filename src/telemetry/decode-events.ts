/** A body taken apart: one unknown per event, or why it could not be. */
export type DecodedBody =
  | { kind: 'events'; events: unknown[] }
  | { kind: 'unreadable'; expected: string; received: string };

/** More events than this in one body are refused; senders split. */
export const MAX_EVENTS_PER_BODY = 10_000;

/** Something that stood where an event should be and is not JSON; reported at its index, the rest are kept. */
export class UnreadableLine {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `{"events":[…]}`, a bare array, one event, or NDJSON: told apart by looking, because beacons can only say text/plain.
 */
export function decodeEvents(text: string): DecodedBody {
  const events = parseWhole(text) ?? parseLines(text);
  if (events === null || events.length === 0) {
    return {
      kind: 'unreadable',
      expected: '{"events":[…]}, an array, or one JSON event per line',
      received: text.slice(0, 60) || 'an empty body',
    };
  }
  if (events.length > MAX_EVENTS_PER_BODY) {
    return {
      kind: 'unreadable',
      expected: `at most ${MAX_EVENTS_PER_BODY} events`,
      received: `${events.length} events`,
    };
  }
  return { kind: 'events', events };
}

function parseWhole(text: string): unknown[] | null {
  const value = parseJson(text);
  if (value instanceof UnreadableLine) return null;
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return null;
  if ('events' in value) return Array.isArray(value.events) ? value.events : null;
  return 'type' in value ? [value] : null;
}

function parseLines(text: string): unknown[] | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const values = lines.map(parseJson);
  return values.some((value) => !(value instanceof UnreadableLine)) ? values : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return new UnreadableLine(text);
  }
}
