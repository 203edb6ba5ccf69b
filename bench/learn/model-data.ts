import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRng } from '../../src/policy/seeded-rng.ts';
import {
  generateTitles,
  generateTraceFamilies,
  readTitles,
  readTraceFamilies,
  type TraceFamily,
} from '../../src/simulation/model-world.ts';
import type { Title } from '../../src/simulation/rate-quality.ts';

const beside = (name: string): string => fileURLToPath(new URL(`../../../shared/${name}`, import.meta.url));

/** One half of the lines and titles; the two halves share neither. */
export type Split = { name: 'train' | 'test'; families: TraceFamily[]; titles: Title[] };

/** Lines and titles, measured where there are some, and where they came from. */
export type ModelData = { train: Split; test: Split; source: string; hash: string };

/** Reads, or else generates, and splits by trace file and by title: even ones train, odd ones test. */
export async function modelData(directories: {
  traces?: string | undefined;
  titles?: string | undefined;
}): Promise<ModelData> {
  const traces = directories.traces ?? (existsSync(beside('traces')) ? beside('traces') : null);
  const titles = directories.titles ?? (existsSync(beside('titles')) ? beside('titles') : null);
  const families = traces ? await readTraceFamilies(traces) : generateTraceFamilies(seededRng(1, 'traces'));
  const known = titles ? await readTitles(titles) : generateTitles(seededRng(1, 'titles'));
  const half = (name: Split['name'], parity: number): Split => ({
    name,
    families: families.map((family) => ({
      ...family,
      traces: family.traces.filter((_, index) => index % 2 === parity),
    })),
    titles: known.filter((_, index) => index % 2 === parity),
  });
  const source = `traces ${traces ? 'measured' : 'GENERATED'}, titles ${titles ? 'measured' : 'GENERATED'}`;
  const hash = createHash('sha256')
    .update(JSON.stringify([families, known]))
    .digest('base64url')
    .slice(0, 16);
  return { train: half('train', 0), test: half('test', 1), source, hash };
}
