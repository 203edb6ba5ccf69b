import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Quality, StoredRendition } from '../domain/asset.ts';
import { assetPrefix } from './asset-store.ts';
import { compareWindow, type Likeness } from './compare-window.ts';
import { readPlayableSegment, trackPrefix } from './finished-tracks.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import {
  type CodecSample,
  type CodecTrial,
  codecTrialJob,
  codecTrialSchema,
  nextCrf,
  settleCrf,
  TRIAL_ROUNDS,
} from './plan/codec-trial.ts';
import { candidateFile, mediaBytes } from './plan/per-title/analysis-job.ts';
import { qualityOnDevices } from './plan/quality.ts';
import { evenPlaces, openingWindow, type QualityWindow, qualityWindows } from './plan/quality-job.ts';
import { qualityMetric, qualityPoints } from './plan/quality-metric.ts';
import { withWorkDirectory } from './work-directory.ts';

/** Whether one quality is as good as another. */
export type IsAsGood = (one: Quality, other: Quality) => boolean;

/** H.264 spends by the bitrate, a constant quality by the picture: two places would not say what either does to a title. */
const PLACES = evenPlaces(4);

type Trial = { rungs: readonly StoredRendition[]; isAsGood: IsAsGood };
type Seen = { kbps: number; likeness: Likeness };

/**
 * What these renditions would be in AV1: of each the constant quality that looks as good, found in some places of the title. The stored answer where it is of the same renditions; otherwise it is found and stored. Throws `FfmpegError`.
 */
export async function settleCodecTrial(
  room: MediaRoom,
  source: EncodeSource,
  trial: Trial,
  signal: AbortSignal,
): Promise<CodecTrial> {
  const key = `${assetPrefix(source.assetId)}/codec-trial.json`;
  const of = trial.rungs.map(({ id }) => id).sort();
  const stored = codecTrialSchema.safeParse(parseJson(await room.store.read(key)));
  if (stored.success && stored.data.of.join() === of.join()) return stored.data;
  const found = { version: 1 as const, of, twins: await tryOut(room, source, trial, signal) };
  await room.store.write(key, `${JSON.stringify(found)}\n`);
  return found;
}

function tryOut(
  room: MediaRoom,
  source: EncodeSource,
  { rungs, isAsGood }: Trial,
  signal: AbortSignal,
): Promise<CodecTrial['twins']> {
  return withWorkDirectory(room.workRoot, `${source.assetId}.codec-trial`, async (directory) => {
    const run = { signal, directory };
    const [first] = rungs;
    const look = (window: QualityWindow) => lookAtRungs(room, source, window, rungs, run);
    const inPlaces = await sampleAll(first ? qualityWindows(first.segments, PLACES) : [], look);
    // Containers that cannot seek still have a beginning.
    const shown = inPlaces.length > 0 || !first ? inPlaces : await sampleAll([openingWindow(first.segments)], look);
    if (shown.length === 0) throw new MediaError('unreadable-output', `no frame of ${source.assetId} was compared`);
    const windows = shown.map(({ window }) => window);
    const target = sampleOf(source, shown);
    const looksLike = (index: number) => (quality: Quality) => isAsGood(quality, qualityAt(target, index));
    const tried: CodecSample[][] = rungs.map(() => []);
    for (let round = 0; round < TRIAL_ROUNDS; round += 1) {
      const crfs = tried.map((samples, index) => nextCrf(samples, looksLike(index)));
      const seen = await sampleAll(windows, (window) => encodeRungs(room, source, window, { rungs, crfs }, run));
      sampleOf(source, seen).forEach((sample, index) => {
        tried[index]?.push({ ...sample, crf: crfs[index] ?? 0 });
      });
    }
    return rungs.map(({ id }, index) => {
      const settled = settleCrf(tried[index] ?? [], looksLike(index));
      const insteadOfKbps = target[index]?.kbps ?? 0;
      return { standsFor: id, crf: settled?.crf ?? null, kbps: settled?.kbps ?? insteadOfKbps, insteadOfKbps };
    });
  });
}

const qualityAt = (samples: readonly { quality: Quality }[], index: number): Quality => {
  const sample = samples[index];
  if (!sample) throw new RangeError(`samples: expected one of rung ${index}`);
  return sample.quality;
};

type Sampled = { window: QualityWindow; row: Seen[] };

/** Windows that the source showed something in, with what was seen there. */
async function sampleAll(
  windows: readonly QualityWindow[],
  sample: (window: QualityWindow) => Promise<Seen[] | null>,
): Promise<Sampled[]> {
  const sampled: Sampled[] = [];
  for (const window of windows) {
    const row = await sample(window);
    if (row) sampled.push({ window, row });
  }
  return sampled;
}

/** Means over the windows, as stored qualities are. */
function sampleOf({ input }: EncodeSource, sampled: readonly Sampled[]): Omit<CodecSample, 'crf'>[] {
  const metric = qualityMetric(input.capabilities);
  const mean = (of: (row: Seen[]) => number): number =>
    sampled.reduce((sum, { row }) => sum + of(row), 0) / sampled.length;
  return (sampled[0]?.row ?? []).map((_, index) => ({
    kbps: mean((row) => row[index]?.kbps ?? 0),
    quality: qualityOnDevices({
      phone: qualityPoints(
        metric,
        mean((row) => row[index]?.likeness.phone ?? 0),
      ),
      desktop: qualityPoints(
        metric,
        mean((row) => row[index]?.likeness.desktop ?? 0),
      ),
    }),
  }));
}

type Run = { signal: AbortSignal; directory: string };

async function lookAtRungs(
  room: MediaRoom,
  source: EncodeSource,
  window: QualityWindow,
  rungs: readonly StoredRendition[],
  run: Run,
): Promise<Seen[] | null> {
  const files = await Promise.all(
    rungs.map(async ({ id, fps }, index) => {
      const path = `rung-${index}.mp4`;
      const segment = await readPlayableSegment(room.store, trackPrefix(source.assetId, id), window.segmentIndex);
      await writeFile(join(run.directory, path), segment);
      return { path, fps };
    }),
  );
  return compared(room, source, window, files, run);
}

async function encodeRungs(
  room: MediaRoom,
  source: EncodeSource,
  window: QualityWindow,
  { rungs, crfs }: { rungs: readonly StoredRendition[]; crfs: readonly number[] },
  run: Run,
): Promise<Seen[] | null> {
  const candidates = rungs.map(({ width, height, fps, targetKbps }, index) => ({
    size: { width, height },
    fps,
    targetKbps,
    crf: crfs[index] ?? 0,
  }));
  await room.ffmpeg.run(codecTrialJob(source.input, window, candidates), run);
  const files = candidates.map(({ fps }, index) => ({ path: candidateFile(index), fps }));
  return compared(room, source, window, files, run);
}

async function compared(
  room: MediaRoom,
  source: EncodeSource,
  window: QualityWindow,
  files: readonly { path: string; fps: number }[],
  run: Run,
): Promise<Seen[] | null> {
  const bytes = await Promise.all(files.map(async ({ path }) => mediaBytes(await readFile(join(run.directory, path)))));
  if (bytes.some((each) => each === 0)) return null;
  const row = await compareWindow(room, source, window, files, run);
  return row?.map((likeness, index) => ({ likeness, kbps: ((bytes[index] ?? 0) * 8) / 1000 / window.seconds })) ?? null;
}

function parseJson(bytes: Buffer | null): unknown {
  try {
    return bytes && JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
