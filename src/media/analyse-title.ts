import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LadderRung } from '../domain/arm.ts';
import type { StoredRendition } from '../domain/asset.ts';
import { assetPrefix } from './asset-store.ts';
import { compareWindow } from './compare-window.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { analysisGrid, type Candidate } from './plan/per-title/analysis-grid.ts';
import { analysisJob, candidateFile, mediaBytes } from './plan/per-title/analysis-job.ts';
import { type AnalysisWindow, analysisWindows } from './plan/per-title/analysis-windows.ts';
import { type QualitySample, type TitleAnalysis, titleAnalysisSchema } from './plan/per-title/title-analysis.ts';
import { type QualityMetric, qualityMetric, qualityPoints } from './plan/quality-metric.ts';
import { measureRemux } from './remux-rendition.ts';
import { sourceSegmentBytes } from './source-segment-bytes.ts';
import { withWorkDirectory } from './work-directory.ts';

/** What to look for: the plan's rungs, and the first rung's segments as the clock. */
type Question = { rungs: readonly LadderRung[]; first: Pick<StoredRendition, 'segments'> };

/**
 * The title's analysis: the stored one, or a new one that is stored. Of workers who analyse at once the first to finish stands, for
 * all of them. Without samples where the source resists. Throws `FfmpegError` only when aborted or killed.
 */
export async function settleAnalysis(
  room: MediaRoom,
  source: EncodeSource,
  question: Question,
  signal: AbortSignal,
): Promise<TitleAnalysis> {
  const key = `${assetPrefix(source.assetId)}/analysis.json`;
  const settled = async (): Promise<TitleAnalysis | null> => {
    const bytes = await room.store.read(key);
    return bytes && titleAnalysisSchema.parse(JSON.parse(bytes.toString('utf8')));
  };
  const known = await settled();
  if (known) return known;
  const analysis = await analyseTitle(room, source, question, signal);
  await room.store.createExclusive(key, `${JSON.stringify(analysis)}\n`);
  return (await settled()) ?? analysis;
}

async function analyseTitle(
  room: MediaRoom,
  source: EncodeSource,
  { rungs, first }: Question,
  signal: AbortSignal,
): Promise<TitleAnalysis> {
  const grid = analysisGrid(source.input.details, rungs);
  const sample = async (windows: readonly AnalysisWindow[]): Promise<Measured[]> => {
    const sampled: Measured[] = [];
    for (const window of windows) {
      const values = await sampleWindow(room, source, window, grid, signal);
      if (values) sampled.push({ window, values });
    }
    return sampled;
  };
  const sourceBytes = await sourceSegmentBytes(room, source, first.segments, signal);
  const segments = first.segments.map((segment, index) => ({
    ...segment,
    bytes: sourceBytes?.[index] ?? segment.bytes,
  }));
  const inPlaces = await sample(analysisWindows(segments));
  // Containers that cannot seek still have a beginning.
  const measured = inPlaces.length > 0 ? inPlaces : await sample(analysisWindows(segments.slice(0, 1)));
  const metric = qualityMetric(source.input.capabilities);
  const shown = measured.map(({ window }) => window);
  return {
    version: 1,
    metric,
    windows: shown.map(({ startSeconds, seconds, weight }) => ({ startSeconds, seconds, weight })),
    samples:
      measured.length === 0 ? [] : grid.map((candidate, index) => meanSample(candidate, index, measured, metric)),
    remuxKbps: await orNull(room, source, () => measureRemux(room, source, first, signal)),
  };
}

type Value = { kbps: number; phone: number; desktop: number };
type Measured = { window: AnalysisWindow; values: Value[] };

/** Null where the source shows nothing, or resists: a container that cannot seek, a broken stretch. */
function sampleWindow(
  room: MediaRoom,
  source: EncodeSource,
  window: AnalysisWindow,
  grid: readonly Candidate[],
  signal: AbortSignal,
): Promise<Value[] | null> {
  const sample = async (directory: string): Promise<Value[] | null> => {
    const run = { signal, directory };
    await room.ffmpeg.run(analysisJob(source.input, window, grid), run);
    const files = grid.map(({ fps }, index) => ({ path: candidateFile(index), fps }));
    const sizes = await Promise.all(files.map(async ({ path }) => mediaBytes(await readFile(join(directory, path)))));
    if (sizes.some((bytes) => bytes === 0)) return null;
    const row = await compareWindow(room, source, window, files, run);
    return (
      row?.map((likeness, index) => ({ ...likeness, kbps: ((sizes[index] ?? 0) * 8) / 1000 / window.seconds })) ?? null
    );
  };
  return orNull(room, source, () => withWorkDirectory(room.workRoot, `${source.assetId}.analysis`, sample));
}

/** Null where ffmpeg made nothing of the file, or not in time; being stopped is not that. */
async function orNull<T>(room: MediaRoom, { assetId }: EncodeSource, work: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FfmpegError) || (error.code !== 'exit' && error.code !== 'timeout')) throw error;
    room.log.warn({ err: error, assetId }, 'a part of the analysis failed');
    return null;
  }
}

function meanSample(
  { size, fps, crf }: Candidate,
  index: number,
  measured: readonly Measured[],
  metric: QualityMetric,
): QualitySample {
  const total = measured.reduce((sum, { window }) => sum + window.weight, 0);
  const mean = (of: (value: Value) => number): number =>
    measured.reduce((sum, { window, values }) => {
      const value = values[index];
      return sum + (value ? of(value) : 0) * (window.weight / total);
    }, 0);
  return {
    ...size,
    fps,
    crf,
    kbps: round(mean(({ kbps }) => kbps)),
    phone: round(
      qualityPoints(
        metric,
        mean(({ phone }) => phone),
      ),
    ),
    desktop: round(
      qualityPoints(
        metric,
        mean(({ desktop }) => desktop),
      ),
    ),
  };
}

const round = (value: number): number => Number(value.toFixed(2));
