import type { ParsedLine } from './edge-request.ts';

/** `ADDRESS - USER [TIME] "METHOD URI PROTOCOL" STATUS BYTES "REFERER" "AGENT" CACHE`, and anything behind that. */
const LINE = new RegExp(
  [
    '^(?<address>\\S+) \\S+ .*? \\[(?<time>[^\\]]{20,32})\\]',
    '"(?<method>[A-Z]+) (?<uri>[^" ]+)(?: [^"]*)?" (?<status>[1-5]\\d\\d) (?:\\d+|-)',
    '"(?:[^"]*)" "(?<agent>[^"]*)" "?(?<cache>[A-Za-z-]+)"?(?: .*)?$',
  ].join(' '),
);
const TIME = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const EXPECTED = 'a line of the combined log format with the cache status behind the user agent';

/**
 * One line of the combined log format followed by the cache status. It has whole seconds and no CMCD headers: only reports in
 * the query can be read from it. Never throws.
 */
export function parseCombinedLine(line: string): ParsedLine {
  const { address, time, method, uri, status, agent, cache } = LINE.exec(line)?.groups ?? {};
  const atMs = parseTime(time ?? '');
  if (address === undefined || method === undefined || uri === undefined || cache === undefined || atMs === null)
    return { kind: 'unreadable', expected: EXPECTED };
  return {
    kind: 'request',
    request: {
      atMs,
      address,
      method,
      uri: unescapeBytes(uri),
      status: Number(status),
      cache: cache === '-' ? '' : cache.toUpperCase(),
      headers: agent === undefined || agent === '-' ? {} : { 'user-agent': unescapeBytes(agent) },
    },
  };
}

function parseTime(text: string): number | null {
  const [, day, name = '', year, time, hours, minutes] = TIME.exec(text) ?? [];
  const month = MONTHS.indexOf(name) + 1;
  const atMs = Date.parse(`${year}-${String(month).padStart(2, '0')}-${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(atMs) ? null : atMs;
}

/** nginx writes quotes, backslashes and control characters as `\xHH`. */
function unescapeBytes(text: string): string {
  return text.replace(/\\x([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
