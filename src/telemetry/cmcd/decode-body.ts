import { decodeCmcd } from '@svta/cml-cmcd';
import { toJsonText } from '../../domain/index.ts';
import { MAX_EVENTS_PER_BODY } from '../decode-events.ts';
import { type CmcdReport, unreadable } from './cmcd-report.ts';
import { type CmcdDictionary, readFields } from './read-fields.ts';
import { toEvents } from './to-events.ts';

const SOURCE = 'cmcd2-event';
/** Every key of the standard at its largest fits into a fraction of this. */
export const MAX_REPORT_CHARACTERS = 8_192;

const EXPECTED =
  'CMCD reports: one structured-field dictionary a line (application/cmcd), or JSON objects of CMCD keys';

/**
 * CTA-5004-B event mode: one structured-field dictionary per line, or JSON (an array, one object, `{"events":[…]}`, or one
 * object per line), told apart by looking. One report per item, at its index; a bad one spoils no other. Never throws.
 */
export function decodeCmcdBody(body: string, receivedAtMs: number): { index: number; report: CmcdReport }[] {
  const items = itemsOf(body.trim());
  const reports = items
    .slice(0, MAX_EVENTS_PER_BODY)
    .map((item, index) => ({ index, report: decodeItem(item, receivedAtMs) }));
  if (items.length > MAX_EVENTS_PER_BODY) {
    const index = MAX_EVENTS_PER_BODY;
    const expected = `at most ${MAX_EVENTS_PER_BODY} reports in a body`;
    reports.push({ index, report: unreadable(SOURCE, expected, `${items.length} reports`) });
  }
  return reports;
}

/** One report as it came: text, or a value out of a JSON body. */
type Item = string | { json: unknown };

function itemsOf(body: string): Item[] {
  if (body === '') return [];
  const whole = body.startsWith('[') || body.startsWith('{') ? parseJson(body) : undefined;
  if (whole === undefined) return body.split(/\r?\n/).filter((line) => line.trim() !== '');
  const batch = typeof whole === 'object' && whole !== null && 'events' in whole ? whole.events : whole;
  return (Array.isArray(batch) ? batch : [batch]).map((json) => ({ json }));
}

function decodeItem(item: Item, receivedAtMs: number): CmcdReport {
  const text = typeof item === 'string' ? item.trim() : toJsonText(item.json);
  if (text.length > MAX_REPORT_CHARACTERS) {
    return unreadable(SOURCE, `at most ${MAX_REPORT_CHARACTERS} characters a report`, `${text.length} characters`);
  }
  const keys = typeof item === 'string' ? parseLine(text) : item.json;
  if (typeof keys === 'string') return decodeItem(keys, receivedAtMs);
  if (!isDictionary(keys)) return unreadable(SOURCE, EXPECTED, text);
  return toEvents(readFields(keys), { source: SOURCE, text, path: null, receivedAtMs });
}

const parseLine = (line: string): unknown => (line.startsWith('{') ? parseJson(line) : parseStructuredFields(line));

/** The dictionary, or undefined when it is none. The codec throws on malformed text. */
export function parseStructuredFields(text: string): CmcdDictionary | undefined {
  try {
    return decodeCmcd(text);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isDictionary = (value: unknown): value is CmcdDictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
