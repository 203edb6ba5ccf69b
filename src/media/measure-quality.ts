import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredRendition } from '../domain/asset.ts';
import { compareWindow, type Likeness } from './compare-window.ts';
import { readPlayableSegment, trackPrefix } from './finished-tracks.ts';
import { MediaError } from './media-error.ts';
import type { EncodeSource, MediaRoom } from './media-room.ts';
import { qualityOnDevices, smoothOverBitrate } from './plan/quality.ts';
import { evenPlaces, openingWindow, type QualityWindow, qualityWindows } from './plan/quality-job.ts';
import { qualityMetric, qualityPoints } from './plan/quality-metric.ts';
import { withWorkDirectory } from './work-directory.ts';

/**
 * Codecs spend unlike each other over a title: in two places one can look as good that does not in all. More than twins are tried in.
 */
const CODEC_PLACES = evenPlaces(6);

/**
 * The renditions with quality as measured: VMAF or SSIM against the normalised source over two windows, or six where codecs are compared, at a phone's and a
 * desktop's display size, mapped to points, never falling with a codec's bitrate. Throws `FfmpegError`.
 */
export function measureQuality(
  room: MediaRoom,
  source: EncodeSource,
  renditions: readonly StoredRendition[],
  signal: AbortSignal,
): Promise<StoredRendition[]> {
  const first = renditions[0];
  const hasSeveralCodecs = new Set(renditions.map(({ codec }) => codec)).size > 1;
  if (!first) return Promise.resolve([]);
  return withWorkDirectory(room.workRoot, `${source.assetId}.quality`, async (directory) => {
    const run = { signal, directory };
    const perWindow: Likeness[][] = [];
    for (const window of qualityWindows(first.segments, hasSeveralCodecs ? CODEC_PLACES : undefined)) {
      perWindow.push(...(await compareSegments(room, source, window, renditions, run)));
    }
    // Containers that cannot seek still have a beginning.
    if (perWindow.length === 0)
      perWindow.push(...(await compareSegments(room, source, openingWindow(first.segments), renditions, run)));
    if (perWindow.length === 0) throw new MediaError('unreadable-output', `no frame of ${source.assetId} was compared`);
    const metric = qualityMetric(source.input.capabilities);
    const measured = renditions.map((rendition, index) => ({
      codec: rendition.codec,
      bitrateKbps: rendition.bitrateKbps,
      phone: qualityPoints(metric, mean(perWindow.map((window) => window[index]?.phone ?? 0))),
      desktop: qualityPoints(metric, mean(perWindow.map((window) => window[index]?.desktop ?? 0))),
    }));
    const smooth = smoothOverBitrate(measured);
    return renditions.map((rendition, index) => {
      const points = smooth[index];
      return points ? { ...rendition, quality: qualityOnDevices(points), qualityMeasured: true } : rendition;
    });
  });
}

/** One row of results, or none when the source showed nothing there. */
async function compareSegments(
  room: MediaRoom,
  source: EncodeSource,
  window: QualityWindow,
  renditions: readonly StoredRendition[],
  run: { signal: AbortSignal; directory: string },
): Promise<Likeness[][]> {
  const files = await Promise.all(
    renditions.map(async (rendition, index) => {
      const file = `rendition-${index}.mp4`;
      const prefix = trackPrefix(source.assetId, rendition.id);
      await writeFile(join(run.directory, file), await readPlayableSegment(room.store, prefix, window.segmentIndex));
      return { path: file, fps: rendition.fps };
    }),
  );
  const row = await compareWindow(room, source, window, files, run);
  return row ? [row] : [];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
