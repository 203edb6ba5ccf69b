import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FfmpegJob } from '../../../src/media/plan/ffmpeg-job.ts';
import { gopFrames } from '../../../src/media/plan/frame-rate.ts';
import type { JobSource } from '../../../src/media/plan/job-source.ts';
import { planRendition } from '../../../src/media/plan/plan-renditions.ts';
import { remainderJob } from '../../../src/media/plan/remainder-job.ts';
import { probeSource } from '../../../src/media/probe-source.ts';
import { seeksExactly } from '../../../src/media/produce-remainder.ts';
import { ffmpeg, h264, makeUpload, openWorkshop, picture, sound, type Workshop } from './clips.ts';

const execute = promisify(execFile);
const REAL_FILES = join(import.meta.dirname, '../../../../shared/media');
let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.close());

/** One line for each frame that the encoder of the job's first rung would get. */
async function frames({ inputs, filterGraph }: FfmpegJob): Promise<string[]> {
  const args = ['-nostdin', '-v', 'quiet', ...inputs.flatMap(({ path, options }) => [...options, '-i', path])];
  const { stdout } = await execute(
    'ffmpeg',
    [...args, '-filter_complex', filterGraph ?? '', '-map', '[v0]', '-f', 'framemd5', '-'],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1) ?? '');
}

async function open(path: string): Promise<JobSource | null> {
  const probed = await probeSource(ffmpeg, path, new AbortController().signal);
  if (probed.kind !== 'video') return null;
  const { kind: _, ...details } = probed;
  return { path, details, capabilities: await ffmpeg.warmUp() };
}

/** Groups of pictures in the middle and at the end, cut out of `input` by themselves, beside the same of the whole. */
async function seams(input: JobSource): Promise<{ alone: string[]; inTheWhole: string[] }[]> {
  const rung = planRendition({ uploadKey: 'u', details: input.details }, { height: 90, bitrateKbps: 100, fps: 60 }, 1);
  const whole = await frames(remainderJob(input, [rung]));
  const gop = gopFrames(input.details.source.fps);
  const last = Math.ceil(whole.length / gop) - 1;
  const found = [];
  for (const index of new Set([1, Math.ceil(last / 2), last].filter((group) => group > 0 && group <= last))) {
    const range = { start: index * gop, end: index === last ? null : (index + 1) * gop };
    const alone = await frames(remainderJob(input, [rung], { frames: range, firstSegment: index }));
    found.push({ alone, inTheWhole: whole.slice(range.start, range.end ?? undefined) });
  }
  return found;
}

describe('a stretch of a source has, frame for frame, the pictures of the whole', () => {
  const long = [...picture('160x90', 25, 16), ...sound(16)];
  const sparse = ['-vf', "select='not(mod(n,7))+lt(mod(n,60),20)'", '-vsync', 'vfr'];
  test.each<[string, string, ...string[]]>([
    ['keyframes far apart and B-frames', 'mp4', ...long, ...h264, '-g', '300', '-bf', '3', '-preset', 'veryfast'],
    ['pictures at uneven times', 'matroska', ...long, ...sparse, ...h264, '-g', '40', '-c:a', 'aac'],
    ['pictures that begin after the sound', 'mp4', '-itsoffset', '0.73', ...long, ...h264, '-g', '50', '-c:a', 'aac'],
    ['pictures seconds apart', 'mp4', ...long, '-vf', "select='lt(n,100)+not(mod(n,120))'", '-vsync', 'vfr', ...h264],
    ['a rate with a remainder', 'mp4', ...picture('160x90', '30000/1001', 13), ...h264, '-g', '77', '-bf', '2'],
    ['VP9', 'webm', ...picture('160x90', 24, 9), '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
    ['fields', 'mp4', ...picture('160x96', 25, 9), '-flags', '+ildct+ilme', '-x264-params', 'tff=1', ...h264],
  ])('with %s', async (name, format, ...args) => {
    const key = await makeUpload(workshop, name.replaceAll(' ', '-'), format, ...args);
    const input = await open(workshop.store.localPath(key) ?? '');
    if (!input) throw new Error('not a video');
    const all = await seams(input);
    expect(all.length).toBeGreaterThan(1);
    for (const { alone, inTheWhole } of all) expect(alone).toEqual(inTheWhole);
  });
});

test('real files in containers that seek exactly, as far as they are here', async () => {
  const isHere = await access(REAL_FILES).then(
    () => true,
    () => false,
  );
  const names = isHere ? (await readdir(REAL_FILES)).filter((name) => /^(phone|cursed|sar)/.test(name)) : [];
  for (const name of names) {
    const input = await open(join(REAL_FILES, name));
    if (!input || !seeksExactly(input.details)) continue;
    for (const { alone, inTheWhole } of await seams(input)) expect(alone, name).toEqual(inTheWhole);
  }
}, 120_000);
