import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Import, ImportAnswer } from '../../api/routes/import-routes.ts';
import { type LineReading, readEdgeLogLine } from '../../telemetry/edge-log/absorbed-report.ts';
import { EDGE_LOG_FORMATS, type EdgeLogFormat } from '../../telemetry/edge-log/edge-request.ts';
import { readLogLines } from '../../telemetry/edge-log/read-log-lines.ts';
import { type ApiClient, ApiClientError, connectToApi } from '../api-client.ts';
import { printJson, printTable } from '../print.ts';
import type { RunCommand } from '../run-command.ts';
import { type ImportSummary, ImportTally } from './import-tally.ts';

/** Some two megabytes of events: one write to disk for the service. */
const EVENTS_PER_REQUEST = 4_000;
const ATTEMPTS = 10;
const DEFAULT_RETRY_SECONDS = 1;
const MAX_RETRY_SECONDS = 10;
const CONTEXT_HEADERS = ['user-agent', 'sec-ch-ua-form-factors', 'sec-ch-ua-mobile'] as const;
const MAX_HEADER_CHARACTERS = 1024;

type Batch = Import['batches'][number];
type Send = (batches: Batch[]) => Promise<void>;
type Report = Extract<LineReading, { kind: 'report' }>;

/** `nara telemetry import-log FILE…`: exit 1 when no line of any file was understood. */
export const importLogCommand: RunCommand = async (args, config) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { format: { type: 'string' }, 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } },
  });
  const format = EDGE_LOG_FORMATS.find((name) => name === values.format);
  if (positionals.length === 0 || (values.format !== undefined && format === undefined)) {
    process.stderr.write(`nara telemetry import-log: expected FILE… [--format ${EDGE_LOG_FORMATS.join('|')}]\n`);
    return 2;
  }
  const tally = new ImportTally();
  const send = values['dry-run'] ? async () => {} : sendTo(await connectToApi(config), tally);
  await importFiles(positionals, format, tally, send);
  const summary = tally.summary();
  if (values.json) printJson(summary);
  else printSummary(summary);
  return summary.lines > 0 && summary.unparsable === summary.lines ? 1 : 0;
};

/** Reads the files one after the other; sends reports with who sent them, so many at a time. */
async function importFiles(
  paths: readonly string[],
  format: EdgeLogFormat | undefined,
  tally: ImportTally,
  send: Send,
): Promise<void> {
  let batches = new Map<string, Batch>();
  let events = 0;
  for (const path of paths) {
    for await (const line of readLogLines(path)) {
      const reading = readEdgeLogLine(line.text, format);
      tally.line(path, line, reading);
      if (reading.kind !== 'report') continue;
      addReport(batches, reading);
      events += reading.events.length;
      if (events < EVENTS_PER_REQUEST) continue;
      await send([...batches.values()]);
      batches = new Map();
      events = 0;
    }
  }
  if (events > 0) await send([...batches.values()]);
}

function addReport(batches: Map<string, Batch>, { source, events, request }: Report): void {
  const headers = Object.fromEntries(
    CONTEXT_HEADERS.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, value.slice(0, MAX_HEADER_CHARACTERS)]];
    }),
  );
  const key = JSON.stringify([source, request.address, headers]);
  const batch: Batch = batches.get(key) ?? { source, address: request.address, headers, events: [] };
  batch.events.push(...events);
  batches.set(key, batch);
}

/** Sends a batch until it is taken: a service whose spool is full says when to come back. */
function sendTo(api: ApiClient, tally: ImportTally): Send {
  return async (batches) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        tally.answered(await api.request<ImportAnswer>('POST', '/v1/telemetry/imports', { batches }));
        return;
      } catch (error) {
        if (!(error instanceof ApiClientError) || error.status !== 503 || attempt === ATTEMPTS) throw error;
        await wait(Math.min(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS, MAX_RETRY_SECONDS) * 1000);
      }
    }
  };
}

const ROWS: readonly [keyof Omit<ImportSummary, 'examples'>, string][] = [
  ['lines', 'lines'],
  ['passedOn', 'passed on to us, and reported when they came'],
  ['hits', 'answered by the edge'],
  ['reports', 'of these with a report'],
  ['withoutCmcd', 'without CMCD'],
  ['notServed', 'not served, or no GET'],
  ['withoutSession', 'CMCD without a session or content id'],
  ['unusableCmcd', 'CMCD that cannot be read'],
  ['unparsable', 'lines that cannot be read'],
  ['events', 'events in the reports'],
  ['imported', 'imported'],
  ['duplicates', 'here already'],
  ['refused', 'refused'],
];

function printSummary(summary: ImportSummary): void {
  printTable(
    ['what', 'count'],
    ROWS.map(([field, words]) => [words, summary[field]]),
  );
  for (const [kind, examples] of Object.entries(summary.examples))
    for (const { at, expected, received } of examples)
      process.stdout.write(`\n${kind} ${at}: expected ${expected}\n  got ${received}\n`);
}
