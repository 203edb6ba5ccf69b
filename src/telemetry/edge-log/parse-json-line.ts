import { z } from 'zod';
import type { ParsedLine } from './edge-request.ts';

/** nginx writes `-` for a variable without a value, and `escape=json` writes nothing. */
const optionalText = z
  .string()
  .default('')
  .transform((text) => (text === '-' ? '' : text));

const lineSchema = z.object({
  /** `$msec`: when the request was over, seconds since 1970 with milliseconds. */
  ended: z.number().positive().max(253_402_300_799),
  /** `$request_time`, seconds. */
  took: z.number().min(0).max(604_800).default(0),
  address: z.string().min(1).max(64),
  method: z.string().max(16),
  uri: z.string().min(1).max(16_384),
  status: z.int().min(100).max(599),
  bytes: z.int().min(0).optional(),
  cache: optionalText,
  agent: optionalText,
  formFactors: optionalText,
  mobile: optionalText,
  cmcdRequest: optionalText,
  cmcdObject: optionalText,
  cmcdSession: optionalText,
  cmcdStatus: optionalText,
});

/** The header behind each field. */
const HEADERS = [
  ['agent', 'user-agent'],
  ['formFactors', 'sec-ch-ua-form-factors'],
  ['mobile', 'sec-ch-ua-mobile'],
  ['cmcdRequest', 'cmcd-request'],
  ['cmcdObject', 'cmcd-object'],
  ['cmcdSession', 'cmcd-session'],
  ['cmcdStatus', 'cmcd-status'],
] as const;

/** One line of the `nara` log format of docs/edge.md. Never throws. */
export function parseJsonLine(line: string): ParsedLine {
  const parsed = lineSchema.safeParse(parseJson(line));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
    return { kind: 'unreadable', expected: `a JSON object of the nara log format${where}` };
  }
  const { ended, took, address, method, uri, status, cache, ...rest } = parsed.data;
  const present = HEADERS.flatMap(([field, name]) => (rest[field] === '' ? [] : [[name, rest[field]] as const]));
  const atMs = Math.round((ended - took) * 1000);
  return {
    kind: 'request',
    request: { atMs, address, method, uri, status, cache: cache.toUpperCase(), headers: Object.fromEntries(present) },
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
