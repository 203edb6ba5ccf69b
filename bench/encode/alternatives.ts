import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { aacOptions, hlsOutput, x264Options } from '../../src/media/plan/encoder-settings.ts';
import { AUDIO_DIRECTORY } from '../../src/media/plan/fast-lane-job.ts';
import type { FfmpegJob } from '../../src/media/plan/ffmpeg-job.ts';
import type { JobSource } from '../../src/media/plan/job-source.ts';
import type { PlannedRendition } from '../../src/media/plan/plan-renditions.ts';

type Plain = Pick<FfmpegJob, 'inputs' | 'filterGraph' | 'outputs'>;

const rungOptions = (rung: PlannedRendition): readonly string[] => x264Options(rung, rung.gopSeconds);
const scale = ({ size }: PlannedRendition): string => `scale=${size.width}:${size.height}:flags=bicubic`;

/** What one would type: decode, split, scale each from the source, encode; the same encoder settings and segments as ours. */
export function splitGraph({ path, details }: JobSource, rungs: readonly PlannedRendition[]): Plain {
  const labels = rungs.map((_, index) => `[s${index}]`).join('');
  const branches = rungs.map((rung, index) => `[s${index}]${scale(rung)}[v${index}]`);
  return {
    inputs: [{ path, options: [] }],
    filterGraph: [`[0:${details.video.streamIndex}]split=${rungs.length}${labels}`, ...branches].join(';'),
    outputs: rungs.map((rung, index) =>
      hlsOutput(rung.id, rung.gopSeconds, ['-map', `[v${index}]`, '-an', ...rungOptions(rung)]),
    ),
  };
}

/** One process for each rung, the first with the sound. */
export function processPerRung({ path, details }: JobSource, rungs: readonly PlannedRendition[]): Plain[] {
  return rungs.map((rung, index) => ({
    inputs: [{ path, options: [] }],
    filterGraph: `[0:${details.video.streamIndex}]${scale(rung)}[v]`,
    outputs: [
      hlsOutput(rung.id, rung.gopSeconds, ['-map', '[v]', '-an', ...rungOptions(rung)]),
      ...(index === 0 && details.audio
        ? [
            hlsOutput(AUDIO_DIRECTORY, rung.gopSeconds, [
              '-map',
              '0:a:0',
              '-vn',
              ...aacOptions(details.audio.channels, details.durationMs),
            ]),
          ]
        : []),
    ],
  }));
}

/** Runs ffmpeg as anyone would, niced like ours, in `directory`. */
export async function runPlainly(directory: string, job: Plain): Promise<void> {
  for (const { path } of job.outputs) await mkdir(dirname(join(directory, path)), { recursive: true });
  const args = [
    ...['-nostdin', '-v', 'error', '-y'],
    ...job.inputs.flatMap(({ path, options }) => [...options, '-i', path]),
    ...(job.filterGraph === null ? [] : ['-filter_complex', job.filterGraph]),
    ...job.outputs.flatMap(({ path, options }) => [...options, path]),
  ];
  const child = spawn('nice', ['-n', '19', 'ffmpeg', ...args], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`ffmpeg must exit with 0 (got ${code})`);
}
