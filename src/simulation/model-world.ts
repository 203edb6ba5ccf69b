import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rng } from '../domain/index.ts';
import { generateTitle } from './generate-title.ts';
import { generateTrace, TRACE_KINDS } from './generate-trace.ts';
import { parseTraceCsv } from './parse-trace-csv.ts';
import { parseTitle, type Title } from './rate-quality.ts';
import type { ThroughputTrace } from './throughput-trace.ts';

/** One line of a family of lines. */
export type NamedTrace = { name: string; trace: ThroughputTrace };

/** Lines that belong together: a folder of traces, or a kind that is generated. */
export type TraceFamily = { name: string; traces: NamedTrace[] };

/** A directory that holds nothing of what was asked for. */
export class ModelWorldError extends Error {
  readonly code = 'simulation.world';
  override readonly name = 'ModelWorldError';
}

const GENERATED_TRACES = 20;
const GENERATED_TITLES = 20;

/** Every FAMILY/NAME.csv under a directory, in order of name. Throws ModelWorldError without one, TraceFormatError for a broken one. */
export async function readTraceFamilies(directory: string): Promise<TraceFamily[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const families = await Promise.all(
    names.toSorted().map(async (name) => ({ name, traces: await readTraces(join(directory, name)) })),
  );
  const known = families.filter(({ traces }) => traces.length > 0);
  if (known.length === 0) throw new ModelWorldError(`${directory}: expected FAMILY/NAME.csv in it (got none)`);
  return known;
}

async function readTraces(directory: string): Promise<NamedTrace[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.csv')).toSorted();
  return Promise.all(
    files.map(async (name) => ({ name, trace: parseTraceCsv(await readFile(join(directory, name), 'utf8')) })),
  );
}

/** Every NAME.json of a directory as a title, in order of name. Throws ModelWorldError without one, ZodError for a broken one. */
export async function readTitles(directory: string): Promise<Title[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json')).toSorted();
  if (files.length === 0) throw new ModelWorldError(`${directory}: expected NAME.json in it (got none)`);
  return Promise.all(files.map(async (file) => parseTitle(await readFile(join(directory, file), 'utf8'))));
}

/** Lines of every kind the generator knows. */
export function generateTraceFamilies(rng: Rng): TraceFamily[] {
  return TRACE_KINDS.map((name) => ({
    name,
    traces: Array.from({ length: GENERATED_TRACES }, (_, index) => ({
      name: `generated-${index}`,
      trace: generateTrace(name, rng),
    })),
  }));
}

export function generateTitles(rng: Rng): Title[] {
  return Array.from({ length: GENERATED_TITLES }, (_, index) => generateTitle(`generated-${index}`, rng));
}
