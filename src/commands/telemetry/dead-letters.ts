import { parseArgs } from 'node:util';
import type { DeadLetter } from '../../telemetry/read-dead-letters.ts';
import { connectToApi } from '../api-client.ts';
import { printJson, printTable } from '../print.ts';
import type { RunCommand } from '../run-command.ts';

const SHOWN_CHARACTERS = 100;

/** `nara telemetry dead-letters`: what came in and could not be stored as an event, newest first. */
export const deadLettersCommand: RunCommand = async (args, config) => {
  const { values } = parseArgs({
    args,
    options: {
      since: { type: 'string' },
      until: { type: 'string' },
      code: { type: 'string' },
      limit: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const query = new URLSearchParams();
  const asked = { from: values.since, to: values.until, code: values.code, limit: values.limit };
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, value);
  const api = await connectToApi(config);
  const { deadLetters } = await api.request<{ deadLetters: DeadLetter[] }>(
    'GET',
    `/v1/telemetry/dead-letters?${query}`,
  );
  if (values.json) printJson({ deadLetters });
  else printLetters(deadLetters);
  return 0;
};

function printLetters(letters: readonly DeadLetter[]): void {
  printTable(
    ['at', 'source', 'code', 'events', 'session', 'asset'],
    letters.map(({ at, source, code, events, sessionId, assetId }) => [at, source, code, events, sessionId, assetId]),
  );
  const reasons = new Map(letters.map(({ code, reason, body }) => [`${code}: ${reason}`, body]));
  for (const [reason, body] of reasons) process.stdout.write(`\n${reason}\n  ${printable(body)}\n`);
}

/** A stranger's text on somebody's terminal. */
const printable = (body: string): string => body.replace(/\p{Cc}/gu, ' ').slice(0, SHOWN_CHARACTERS);
