import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { PLACES } from './demo/audience.ts';
import { createDemoClient } from './demo/demo-client.ts';
import { CLIP_SECONDS, type Clip, makeClips } from './demo/make-clips.ts';
import { DEMO_SCALE } from './demo/play-and-learn.ts';
import { printReport, seconds } from './demo/print-report.ts';
import { type DemoReport, findProblems } from './demo/report.ts';
import { startStack } from './demo/start-stack.ts';
import { tellStory } from './demo/tell-story.ts';

export type DemoOptions = {
  /** Where to write the report as JSON. */
  reportFile?: string;
  /** A video to use instead of the two made ones. */
  videoFile?: string;
  ffmpegPath: string;
  log: (line: string) => void;
  /** Aborting stops everything, as Ctrl-C does. */
  signal?: AbortSignal;
};

const INTERRUPTED = 130;

/** Runs the whole loop once on a temporary data directory; 0 when every step did what it says, 1 when not, 130 interrupted. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new Error('interrupted'));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, onSignal);
  const signal = options.signal ? AbortSignal.any([options.signal, interrupt.signal]) : interrupt.signal;
  try {
    const report = await measure(options, signal);
    for (const line of printReport(report)) options.log(line);
    await writeReport(options, report);
    return report.ok ? 0 : 1;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    options.log(signal.aborted ? 'Interrupted; everything has been stopped.' : `The demo could not go on: ${message}`);
    await writeReport(options, { ok: false, problems: [signal.aborted ? 'interrupted' : message] });
    return signal.aborted ? INTERRUPTED : 1;
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}

async function measure(options: DemoOptions, signal: AbortSignal): Promise<DemoReport> {
  const { log } = options;
  const startedAtMs = Date.now();
  const directory = await mkdtemp(join(tmpdir(), 'nara-demo-'));
  try {
    log('NARA-1r: upload, play, learn, upload again. Two to three minutes, all on this machine, nothing is kept.');
    log(`(1/6) Starting ClickHouse, Redis, the API and a worker in ${directory}`);
    const stack = await startStack({ directory, signal });
    try {
      log(`      ready after ${seconds(Date.now() - startedAtMs)} at ${stack.url}`);
      log(
        "      The encode holdout and the later lift panel are off for the demo's own uploads: with so few, each must show",
      );
      log('      what was learned. (Uploads before anything is known carry trial rungs as ever.)');
      const clips = await prepareClips(options, directory, signal);
      const api = createDemoClient(stack.url, stack.key, signal);
      const findings = await tellStory({ api, clips, scale: DEMO_SCALE, log, signal });
      const problems = findProblems(findings, PLACES.slow.region);
      return { ok: problems.length === 0, problems, durationMs: Date.now() - startedAtMs, ...findings };
    } finally {
      log('(6/6) Stopping everything');
      await stack.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function prepareClips({ videoFile, ffmpegPath, log }: DemoOptions, directory: string, signal: AbortSignal) {
  if (videoFile !== undefined) {
    log(`(2/6) Using ${videoFile} for both uploads`);
    const clip: Clip = { path: resolve(videoFile), title: basename(videoFile) };
    return { slow: clip, fast: clip };
  }
  log(`(2/6) Making two clips of ${CLIP_SECONDS} s in 720p, with sound, with ffmpeg`);
  const [slow, fast] = await makeClips(directory, ffmpegPath, signal);
  return { slow, fast };
}

async function writeReport({ reportFile, log }: DemoOptions, report: DemoReport | { ok: false; problems: string[] }) {
  if (reportFile === undefined) return;
  await writeFile(reportFile, `${JSON.stringify(report, null, 2)}\n`);
  log(`Report written to ${reportFile}`);
}
