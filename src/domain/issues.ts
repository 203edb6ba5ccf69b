import type { z } from 'zod';
import { toJsonText } from './json-text.ts';

/** What is wrong with one field: its path, what was expected, what came. The shape of `errors` in every refusal. */
export type Issue = { path: string; expected: string; received: string };

const MAX_RECEIVED_CHARACTERS = 80;
/** The first ones tell what is wrong; a hostile body must not be answered with a megabyte. */
const MAX_ISSUES = 20;
/** Field names come from the sender too. */
const MAX_PATH_CHARACTERS = 160;

/** A zod failure over `input` as issues a caller can act on; never echoes more than 80 characters of input. */
export function describeIssues(error: z.ZodError, input: unknown): Issue[] {
  return error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: formatPath(issue.path).slice(0, MAX_PATH_CHARACTERS),
    expected: describeExpected(issue),
    received: describeReceived(valueAt(input, issue.path)),
  }));
}

function describeExpected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union' && 'discriminator' in issue && issue.discriminator) {
    return `a known ${String(issue.discriminator)}`;
  }
  return issue.message
    .replace(/^(Invalid (input|option)|Too (big|small)): /, '')
    .replace(/^expected /, '')
    .replace(/, received .*$/, '')
    .replace(/^Invalid key in record$/, 'well-formed keys')
    .replace(/^Invalid /, 'a valid ')
    .replace(/^\w+ to have /, '');
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

function describeReceived(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : toJsonText(value) || typeof value;
  return text.length > MAX_RECEIVED_CHARACTERS ? `${text.slice(0, MAX_RECEIVED_CHARACTERS)}…` : text;
}
