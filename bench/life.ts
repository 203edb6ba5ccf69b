import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeClip } from '../test/fixtures/make-clip.ts';
import { startService } from '../test/fixtures/service.ts';
import { type Bench, type BenchResult, summarise } from './report.ts';

const run = promisify(execFile);
const SETUP = fileURLToPath(new URL('../scripts/setup.mjs', import.meta.url));

/** A service's life in seconds: set-up with nothing missing, start to ready, last byte to playable, SIGTERM in an encode to gone. */
export const life: Bench = async ({ quick }) => {
  const rounds = quick ? 1 : 5;
  const samples = { setup: [] as number[], ready: [] as number[], playable: [] as number[], stopped: [] as number[] };
  const directory = await mkdtemp(join(tmpdir(), 'nara-bench-'));
  const clip = join(directory, 'clip.mp4');
  await makeClip(clip, { seconds: 20, width: 1280, height: 720 });
  try {
    for (let round = 0; round < rounds; round += 1) {
      samples.setup.push(await secondsOf(() => run(process.execPath, [SETUP])));
      const startedAt = performance.now();
      const service = await startService();
      samples.ready.push((performance.now() - startedAt) / 1000);
      const assetId = await service.upload(clip, { owner: 'bench' });
      const { timings } = await service.assetWhen(assetId, ({ availability }) => availability === 'playable');
      samples.playable.push((Date.parse(timings.playableAt ?? '') - Date.parse(timings.uploadedAt ?? '')) / 1000);
      samples.stopped.push(await secondsOf(() => service.stop()));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return [
    row('set-up with nothing missing', samples.setup, 1),
    row('nara serve to ready', samples.ready),
    row('last byte to playable, 720p with sound, 20 s', samples.playable),
    row('SIGTERM in the middle of an encode to everything stopped', samples.stopped, 10),
  ];
};

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

function row(metric: string, samples: readonly number[], limit?: number): BenchResult {
  const summary = summarise(samples);
  if (limit === undefined) return { metric, unit: 's', ...summary };
  return { metric, unit: 's', ...summary, target: `< ${limit} s`, met: Math.max(...samples) < limit };
}
