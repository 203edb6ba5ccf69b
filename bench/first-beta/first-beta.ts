import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, describeMachine } from '../report.ts';
import { drawChart } from './chart.ts';
import { makeClips } from './clips.ts';
import { compare, describe } from './compare.ts';
import { type Digest, digest, WINDOW_SECONDS } from './digest.ts';
import { stageNaive } from './naive-stage.ts';
import { stageNara } from './nara-stage.ts';
import { LINE_KBPS, runVariant } from './run-variant.ts';
import type { Stage } from './stage.ts';

/** What the picture is made of. */
export type Series = { machine: string; at: string; uploads: string; windowSeconds: number; variants: Digest[] };

type StageIn = (directory: string, watched: string) => Promise<Stage>;

/** In the order of the story: how it should be, without the governor, and how it was. */
const VARIANTS: Record<'governed' | 'governor off' | 'naive', StageIn> = {
  governed: (directory, watched) =>
    stageNara(directory, watched, (hostUrl) => ({
      NARA_GOVERNOR: 'on',
      NARA_UPLINK_KBPS: String(LINE_KBPS),
      NARA_WATCH_URL: `${hostUrl}/healthz`,
    })),
  'governor off': (directory, watched) =>
    stageNara(directory, watched, () => ({ NARA_GOVERNOR: 'off', NARA_UPLINK_KBPS: '', NARA_WATCH_URL: '' })),
  naive: stageNaive,
};

/**
 * Five people upload raw 1080p at once over a line that twenty others use too: what those wait for a host application and for
 * NARA on one machine, with the governor, without it, and with ffmpeg inside the host's own request.
 */
export const firstBeta: Bench = async ({ quick, series }) => {
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-'));
  const size = quick ? { count: 2, megabytes: 8 } : { count: 5, megabytes: 20 };
  const variants: Digest[] = [];
  try {
    const { watched, raw } = await makeClips(directory, size);
    for (const [name, stageIn] of Object.entries(VARIANTS)) {
      const played = await runVariant((below) => stageIn(below, watched), raw, { idleMs: quick ? 6_000 : 9_000 });
      const variant = digest(name, played);
      process.stdout.write(describe(variant));
      variants.push(variant);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  if (series !== undefined) await keep(series, variants, `${size.count} × ${size.megabytes} MB`);
  return compare(variants);
};

/** The series, and the picture of it beside. */
async function keep(path: string, variants: Digest[], uploads: string): Promise<void> {
  const about = { machine: describeMachine(), at: new Date().toISOString(), uploads, windowSeconds: WINDOW_SECONDS };
  const all: Series = { ...about, variants };
  await writeFile(path, `${JSON.stringify(all, null, 2)}\n`);
  await writeFile(path.replace(/(\.json)?$/, '.svg'), drawChart(all));
}
